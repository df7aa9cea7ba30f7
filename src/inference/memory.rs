//! How much memory the process has taken, and what becomes of what it frees.

/// The most memory this process ever held at once, in bytes; `None` where the system does not say.
pub(crate) fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Tells the system's allocator to keep what is freed for the next tensor of that size. To be called before
/// a model runs.
///
/// glibc gives large blocks back to the system as soon as they are freed: a sixth of a forward pass went
/// into getting the same pages again.
pub(crate) fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(
        unsafe_code,
        reason = "a setting of the C library, to which any two numbers may be given"
    )]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, HIGHEST_THRESHOLD);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
    }
}

/// Blocks of so many bytes and more are given back all the same; glibc takes no higher threshold.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HIGHEST_THRESHOLD: i32 = 32 << 20;

/// Bytes at the heap's end that are kept though nothing uses them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 1 << 30;

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn a_running_process_holds_at_least_a_megabyte() {
        assert!(super::peak_bytes().unwrap() > 1 << 20);
    }
}
