//! How many processor threads work, and how long they wait for one another.

use std::env;
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity};
use tch::{Device, Kind, Tensor};

/// Values that libtorch gives to one thread at least.
const GRAIN: i64 = 32768;

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
    if threads > 1 && !is_set(&["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"]) {
        wait_briefly(threads)?;
    }
    tch::set_num_threads(threads);
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

/// Has the threads of a parallel region sleep soon where another is not done.
///
/// OpenMP's threads (GNU's library) turn in a loop for milliseconds before they sleep. That gains a little on an
/// idle machine; where the processors are shared, one thread keeps the processor that the other needs, and
/// everything takes ten times as long. The library itself turns only for some microseconds as long as it
/// manages more threads than there are processors, and nothing else changes its mind once the program runs. So
/// a thread that sleeps for ever owns enough sleeping threads.
fn wait_briefly(threads: i32) -> Result<()> {
    let affinity = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    let processors = i32::try_from(affinity.count()).context("counting the processors")?;
    let owned = threads.max(processors - threads + 2);
    let (ready, is_ready) = mpsc::sync_channel(0);
    thread::Builder::new()
        .name("owner of sleeping threads".to_owned())
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
    is_ready.recv().context("starting threads that sleep")
}
