//! How many processor threads work, and how long they wait for one another.

mod contention;
mod sleepers;
mod watch;

use std::env;
use std::num::NonZeroUsize;
use std::thread;

use anyhow::{Context, Result};

/// Sets the threads of libtorch and of decoding, for the whole program: `threads`, or else as many as the
/// environment says (`OMP_NUM_THREADS`, `RAYON_NUM_THREADS`), or else what the processors that this process
/// may use and its share of their time (a container's quota) allow.
///
/// # Errors
/// When the threads cannot be started.
pub(crate) fn set(threads: Option<NonZeroUsize>) -> Result<()> {
    if let Some(threads) = threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get());
        pool.build_global().context("starting the worker threads")?;
    }
    let threads = match threads {
        Some(threads) => i32::try_from(threads.get()).context("--threads is too large")?,
        None if is_set(&["OMP_NUM_THREADS", "MKL_NUM_THREADS"]) => tch::get_num_threads(),
        None => tch::get_num_threads().min(allowed()),
    };
    tch::set_num_threads(threads);
    Ok(())
}

/// Has threads wait briefly for one another while others want the same processors, unless the user has said
/// how they wait. To be called once, after [`set`] and before a network runs.
///
/// # Errors
/// When a thread cannot be started.
pub(crate) fn share() -> Result<()> {
    let threads = tch::get_num_threads();
    if is_left_to_us(threads) { watch::start(threads) } else { Ok(()) }
}

/// Whether there is something to be seen to: several threads, and a user who has not done so.
fn is_left_to_us(threads: i32) -> bool {
    threads > 1 && !is_set(&["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
}

/// Whether the user has set one of these variables.
fn is_set(variables: &[&str]) -> bool {
    variables.iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Threads that the affinity and the quota of this process allow.
fn allowed() -> i32 {
    let allowed = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    i32::try_from(allowed).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::inside::process::in_own_process;

    /// Whether a thread of this process sees to how others wait.
    fn is_watched() -> bool {
        let mut tasks = fs::read_dir("/proc/self/task").unwrap();
        tasks.any(|task| {
            let name = fs::read_to_string(task.unwrap().path().join("comm"));
            name.is_ok_and(|name| name.trim() == watch::NAME)
        })
    }

    #[test]
    fn several_threads_are_watched() {
        in_own_process(&[], || {
            set(NonZeroUsize::new(2)).unwrap();
            share().unwrap();
            let start = Instant::now();
            while !is_watched() {
                assert!(start.elapsed() < Duration::from_secs(60), "nobody watches");
                thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(tch::get_num_threads(), 2);
        });
    }

    #[test]
    fn a_single_thread_waits_for_nobody() {
        in_own_process(&[], || assert!(is_left_to_us(2) && !is_left_to_us(1)));
    }

    #[test]
    fn a_policy_of_the_user_is_followed() {
        in_own_process(&[("OMP_WAIT_POLICY", "ACTIVE")], || assert!(!is_left_to_us(2)));
    }

    #[test]
    fn a_duration_of_the_user_is_followed() {
        in_own_process(&[("GOMP_SPINCOUNT", "7")], || assert!(!is_left_to_us(2)));
    }
}
