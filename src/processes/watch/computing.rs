//! What this process has computed so far.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Where the system tells of this process's threads.
const THREADS: &str = "/proc/self/task";

/// Threads that look around now and then whatever happens: libtorch's and this program's.
const LOOKING: [&str; 8] = [
    "gloo_tcp_loop",
    "pt_gloo_runloop",
    "pt_tcpstore_uv",
    "beat",
    "watch",
    "watches-waiting",
    "progress",
    "signals",
];

/// The processor time that this process has taken, but for threads that look around; with them where the system does
/// not tell of threads.
pub(super) fn computed() -> Duration {
    let all = clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default();
    let threads = fs::read_dir(THREADS).into_iter().flatten().flatten();
    let looking: Duration = threads.filter_map(|thread| looking(&thread.path())).sum();
    Duration::saturating_sub(all, looking)
}

/// The processor time of a thread, if it is one that looks around.
fn looking(thread: &Path) -> Option<Duration> {
    let name = fs::read_to_string(thread.join("comm")).ok()?;
    LOOKING.contains(&name.trim()).then_some(())?;
    // In nanoseconds, before how long it has waited and how often it ran.
    let times = fs::read_to_string(thread.join("schedstat")).ok()?;
    times.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// The processor time of a thread of that name that computes for a while, as it is seen.
    fn seen(name: &str) -> Duration {
        let compute = || {
            let own = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
            while own() < Duration::from_millis(200) {
                std::hint::black_box(own());
            }
            looking(Path::new("/proc/thread-self"))
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(compute).unwrap();
        thread.join().unwrap().unwrap_or_default()
    }

    #[test]
    fn the_time_of_threads_that_look_around_is_told_apart() {
        let before = computed();
        assert!(seen("beat") >= Duration::from_millis(190));
        assert_eq!(seen("computes"), Duration::ZERO);
        assert!(computed() >= before + Duration::from_millis(190));
    }
}
