//! How much memory the process has taken, and what becomes of what it frees.

use crate::model::config::ModelConfig;
use crate::model::matcher::MatcherConfig;

/// The most memory this process ever held at once, in bytes; `None` where the system does not say.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Tells the system's allocator what suits a model's tensors. To be called before the model runs.
///
/// glibc gives blocks from a threshold on back to the system as soon as they are freed, and raises that
/// threshold to the largest block it has seen. For the paper's network a fixed, low threshold leaves no
/// holes of a hundred megabytes in the heap. A matcher of many small steps, as training, spends a fifth of
/// its time on getting the same pages again, unless it keeps them.
pub fn suit_allocator(config: &ModelConfig, training: bool) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let low = matches!(config.matcher, MatcherConfig::Lpmflow(_)) && !training;
        let (threshold, kept) = if low { (LOW_THRESHOLD, 0) } else { (HIGHEST_THRESHOLD, KEPT) };
        mallopt(M_MMAP_THRESHOLD, threshold);
        if kept > 0 {
            mallopt(M_TRIM_THRESHOLD, kept);
        }
    }
}

/// Blocks of so many bytes and more are given back at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LOW_THRESHOLD: i32 = 6 << 20;

/// glibc takes no higher one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HIGHEST_THRESHOLD: i32 = 32 << 20;

/// Bytes at the heap's end that are kept though nothing uses them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 1 << 30;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
const M_TRIM_THRESHOLD: i32 = -1;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
const M_MMAP_THRESHOLD: i32 = -3;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a setting of the C library")]
unsafe extern "C" {
    safe fn mallopt(parameter: i32, value: i32) -> i32;
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn a_running_process_holds_at_least_a_megabyte() {
        assert!(super::peak_bytes().unwrap() > 1 << 20);
    }
}
