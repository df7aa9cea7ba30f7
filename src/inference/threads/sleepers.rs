//! Threads that make all others wait briefly for one another, as long as they sleep.
//!
//! OpenMP's threads (GNU's library) turn in a loop for milliseconds before they sleep. That gains half of the
//! speed of small networks on an idle machine; where processors are shared, one thread keeps the processor that
//! the other needs, and everything takes ten times as long. The library itself turns only for some microseconds
//! while it manages more threads than there are processors, and nothing else changes its mind once the program
//! runs.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use rustix::thread::{CpuSet, sched_getaffinity};

use crate::nn::native::region;

/// The name of the thread that owns the sleeping ones, short enough for the system to keep it whole.
pub(super) const NAME: &str = "owns-sleepers";

/// A thread that owns sleeping ones, all of which end with this value.
#[derive(Debug)]
pub(super) struct Sleepers {
    /// Dropped to end the thread.
    end: Option<Sender<()>>,
    owner: Option<JoinHandle<()>>,
}

impl Sleepers {
    /// As many as it takes beside `threads` that work.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub(super) fn new(threads: i32) -> io::Result<Self> {
        let processors = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new()).count();
        let processors = i32::try_from(processors).unwrap_or(i32::MAX);
        // The library counts those that threads have started, and one for the program.
        let owned = (processors - threads + 2).max(2);
        let (end, ended) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let owner = thread::Builder::new().name(NAME.to_owned()).stack_size(1 << 20);
        let owner = owner.spawn(move || {
            region::open(owned);
            ready.send(()).ok();
            // Until the other end is dropped.
            ended.recv().ok();
        })?;
        is_ready.recv().ok();
        Ok(Self { end: Some(end), owner: Some(owner) })
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        self.end.take();
        if let Some(owner) = self.owner.take() {
            owner.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::inside::process::in_own_process;

    /// Processor time that this process takes while its threads mostly wait for work, in seconds.
    fn time_of_waiting() -> f64 {
        // More values than libtorch gives to one thread.
        let work = Tensor::zeros([1 << 16], (Kind::Float, Device::Cpu));
        let now = || {
            let time = clock_gettime(ClockId::ProcessCPUTime);
            time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
        };
        let start = now();
        for _ in 0..100 {
            let _ = work.relu();
            thread::sleep(Duration::from_millis(5));
        }
        now() - start
    }

    #[test]
    fn waiting_threads_soon_sleep_as_long_as_there_are_sleepers() {
        in_own_process(&[], || {
            tch::set_num_threads(2);
            let long = time_of_waiting();
            let sleepers = Sleepers::new(2).unwrap();
            let short = time_of_waiting();
            drop(sleepers);
            let long_again = time_of_waiting();
            println!("{long} s, then {short} s, then {long_again} s");
            assert!(short < long / 2.0, "{short} s where {long} s were taken before");
            assert!(short < long_again / 2.0, "{short} s where {long_again} s are taken after");
            assert_eq!(tch::get_num_threads(), 2);
        });
    }
}
