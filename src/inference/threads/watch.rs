//! A thread that looks whether others want the processors, and has the threads wait for one another
//! accordingly.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::inference::threads::contention::{Contention, Times};
use crate::inference::threads::sleepers::Sleepers;

/// Its name, short enough for the system to keep it whole.
pub(super) const NAME: &str = "watches-waiting";

/// The time between two looks, in which many of the system's ticks fall.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Starts it, for a process of which `threads` compute. Where the system does not say whether others want the
/// processors, threads wait briefly: that costs some speed, the opposite can cost nearly all of it.
///
/// # Errors
/// When the thread cannot be started.
pub(super) fn start(threads: i32) -> Result<()> {
    let contention = Times::now().map(Contention::new);
    let watch = move || match contention {
        Some(contention) => look_on(contention, threads),
        None => {
            let _sleepers = Sleepers::new(threads);
            loop {
                thread::park();
            }
        }
    };
    let thread = thread::Builder::new().name(NAME.to_owned()).stack_size(1 << 20);
    thread.spawn(watch).context("starting the thread that sees to how others wait")?;
    Ok(())
}

/// For as long as the process lives, or until the system starts no more threads or says no more.
fn look_on(mut contention: Contention, threads: i32) {
    let mut sleepers = None;
    loop {
        match (&sleepers, contention.is_there()) {
            (None, true) => match Sleepers::new(threads) {
                Ok(new) => sleepers = Some(new),
                Err(_) => return,
            },
            (Some(_), false) => sleepers = None,
            _ => {}
        }
        thread::sleep(BETWEEN_LOOKS);
        let Some(times) = Times::now() else { return };
        contention.look(times);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rustix::thread::{CpuSet, sched_setaffinity};
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::inside::process::in_own_process;

    /// Whether threads are there that make others wait briefly.
    fn are_there_sleepers() -> bool {
        let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
        std::fs::read_dir("/proc/self/task")
            .unwrap()
            .filter_map(|task| name(task.ok()?).ok())
            .any(|name| name.trim() == crate::inference::threads::sleepers::NAME)
    }

    #[test]
    fn a_load_that_comes_later_is_noticed() {
        in_own_process(&[], || {
            // libtorch's threads were counted with all processors, and are then held on one, as two programs
            // of one thread each would be.
            tch::set_num_threads(2);
            let work = Tensor::zeros([1 << 16], (Kind::Float, Device::Cpu));
            let mut first = CpuSet::new();
            first.set(0);
            start(2).unwrap();
            sched_setaffinity(None, &first).unwrap();
            let start = Instant::now();
            while !are_there_sleepers() {
                let _ = work.relu();
                assert!(start.elapsed() < Duration::from_secs(60), "nobody has noticed");
            }
        });
    }
}
