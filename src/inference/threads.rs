//! How many processor threads work, and how long they wait for one another.

use std::env;
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity};
use tch::{Device, Kind, Tensor};

/// Values that libtorch gives to one thread at least.
const GRAIN: i64 = 32768;

/// How often it is looked whether others work on the machine.
const LOOKS: usize = 5;

/// The time between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// The name of the thread that owns sleeping ones, short enough for the system to keep it whole.
const OWNER: &str = "owns-sleepers";

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

/// Has threads wait briefly for one another where others work on the machine, unless the user has said how they
/// wait. To be called once, after [`set`] and before a network runs.
///
/// # Errors
/// When a thread cannot be started.
pub(crate) fn share() -> Result<()> {
    let threads = tch::get_num_threads();
    let left_to_us = !is_set(&["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"]);
    if threads > 1 && left_to_us && threads + others_at_work() > processors()? {
        wait_briefly(threads)?;
    }
    Ok(())
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

/// Threads of others that want a processor, as a few looks at the system show; 0 where it does not say.
fn others_at_work() -> i32 {
    let running = || -> Option<i32> {
        let load = std::fs::read_to_string("/proc/loadavg").ok()?;
        let running: i32 = load.split(' ').nth(3)?.split('/').next()?.parse().ok()?;
        // This thread is one of them.
        Some(running - 1)
    };
    let mut looks: Vec<i32> = (0..LOOKS)
        .map(|_| {
            thread::sleep(BETWEEN_LOOKS);
            running().unwrap_or(0)
        })
        .collect();
    looks.sort_unstable();
    looks[LOOKS / 2]
}

/// Processors that this process may run on.
fn processors() -> Result<i32> {
    let affinity = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    i32::try_from(affinity.count()).context("counting the processors")
}

/// Has the threads of a parallel region sleep soon where another is not done.
///
/// OpenMP's threads (GNU's library) turn in a loop for milliseconds before they sleep. That gains a little on an
/// idle machine, and half of the speed of small networks, which is why this is for machines on which others work;
/// where the processors are shared, one thread keeps the processor that the other needs, and
/// everything takes ten times as long. The library itself turns only for some microseconds as long as it
/// manages more threads than there are processors, and nothing else changes its mind once the program runs. So
/// a thread that sleeps for ever owns enough sleeping threads.
fn wait_briefly(threads: i32) -> Result<()> {
    let owned = threads.max(processors()? - threads + 2);
    let (ready, is_ready) = mpsc::sync_channel(0);
    thread::Builder::new()
        .name(OWNER.to_owned())
        .stack_size(1 << 20)
        .spawn(move || {
            tch::set_num_threads(owned);
            // Any parallel region of that many threads.
            let _ = Tensor::zeros([GRAIN * i64::from(owned)], (Kind::Float, Device::Cpu)).relu();
            ready.send(()).ok();
            loop {
                thread::park();
            }
        })
        .context("starting a thread")?;
    is_ready.recv().context("starting threads that sleep")?;
    // The other thread has set it for all.
    tch::set_num_threads(threads);
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::time::{ClockId, clock_gettime};

    use super::*;
    use crate::inside::process::in_own_process;

    /// Processor time that this process took while its threads mostly waited for work, in seconds.
    fn time_of_waiting() -> f64 {
        let work = Tensor::zeros([2 * GRAIN], (Kind::Float, Device::Cpu));
        let start = clock_gettime(ClockId::ProcessCPUTime);
        for _ in 0..100 {
            let _ = work.relu();
            thread::sleep(Duration::from_millis(5));
        }
        let end = clock_gettime(ClockId::ProcessCPUTime);
        (end.tv_sec - start.tv_sec) as f64 + (end.tv_nsec - start.tv_nsec) as f64 * 1e-9
    }

    fn owners() -> usize {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let name = |task: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap()
        };
        tasks.map(name).filter(|name| name.trim() == OWNER).count()
    }

    #[test]
    fn waiting_threads_soon_sleep() {
        in_own_process(&[], || {
            // As the library is without us.
            tch::set_num_threads(2);
            let long = time_of_waiting();
            wait_briefly(2).unwrap();
            assert_eq!(tch::get_num_threads(), 2);
            let short = time_of_waiting();
            println!("{long} s, then {short} s");
            assert!(short < long / 2.0, "{short} s where {long} s were taken before");
        });
    }

    #[test]
    fn a_policy_of_the_user_is_followed() {
        in_own_process(&[("OMP_WAIT_POLICY", "ACTIVE")], || {
            set(NonZeroUsize::new(2)).unwrap();
            share().unwrap();
            assert_eq!(owners(), 0);
        });
    }

    #[test]
    fn a_duration_of_the_user_is_followed() {
        in_own_process(&[("GOMP_SPINCOUNT", "7")], || {
            set(NonZeroUsize::new(2)).unwrap();
            share().unwrap();
            assert_eq!(owners(), 0);
        });
    }

    #[test]
    fn a_single_thread_waits_for_nobody() {
        in_own_process(&[], || {
            set(NonZeroUsize::new(1)).unwrap();
            share().unwrap();
            assert_eq!((tch::get_num_threads(), owners()), (1, 0));
        });
    }
}
