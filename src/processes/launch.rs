//! Workers on this machine: the same program with the same arguments, several times.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStderr, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::nn::native::store::Store;
use crate::processes::group::prefix;
use crate::processes::place::LAUNCHED;
use crate::processes::watch;
use crate::processes::worker::{Worker, command};

/// Where workers of one machine meet.
const HERE: &str = "127.0.0.1";

/// From one look after the workers to the next.
const LOOK: Duration = Duration::from_millis(30);

/// How long workers are given to end by themselves when one has.
const GRACE: Duration = Duration::from_secs(12);

/// How long the store takes to open.
const OPENING: Duration = Duration::from_secs(30);

/// The exit code of a process that was asked to stop.
pub(crate) const INTERRUPTED: i32 = 130;

/// What is to be started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// How many workers.
    pub count: usize,
    /// What they are told.
    pub arguments: Vec<OsString>,
}

/// A worker, and what it says, of all but the first, which speaks for all.
struct Heard {
    worker: Worker,
    says: Option<JoinHandle<String>>,
}

impl Launch {
    /// Runs the workers until all have ended. A request to `stop` is passed on to them, and ends those at once that
    /// have nothing to save; a worker that is killed ends all, which `tell` is told. Returns the exit code, and what a
    /// worker said that ended all by itself.
    ///
    /// # Errors
    /// When a worker cannot be started.
    pub(crate) fn run(
        &self,
        stop: &dyn Fn() -> bool,
        tell: &dyn Fn(&str),
    ) -> Result<(i32, Option<String>)> {
        let store = Store::open((HERE, 0), true, &prefix(""), OPENING)
            .context("opening a port for the workers to meet at")?;
        let mut workers = Vec::new();
        for rank in 0..self.count {
            workers.push(self.start(rank, store.port())?);
        }
        let mut passed_on = false;
        while workers.iter().any(|heard| heard.worker.ended.is_none()) {
            if stop() && !passed_on {
                passed_on = true;
                workers.iter_mut().for_each(|heard| heard.worker.interrupt());
            }
            for rank in 0..workers.len() {
                let Some(status) = workers[rank].worker.look()? else { continue };
                if let Some(signal) = status.signal() {
                    workers.iter_mut().for_each(|heard| heard.worker.kill());
                    if passed_on && signal == Signal::INT.as_raw() {
                        return Ok((INTERRUPTED, None));
                    }
                    tell(&killed(rank, signal, &store));
                    return Ok((1, None));
                }
                if !status.success() && !passed_on {
                    return Ok(finish(&mut workers, rank, &store));
                }
            }
            thread::sleep(LOOK);
        }
        let codes = workers.iter().filter_map(|heard| heard.worker.ended?.code());
        Ok((codes.filter(|code| *code != 0).min().unwrap_or(0), None))
    }

    fn start(&self, rank: usize, port: u16) -> Result<Heard> {
        let mut command = command(&self.arguments, self.count)?;
        for (name, value) in [
            ("RANK", rank.to_string()),
            ("LOCAL_RANK", rank.to_string()),
            ("WORLD_SIZE", self.count.to_string()),
            ("LOCAL_WORLD_SIZE", self.count.to_string()),
            ("MASTER_ADDR", HERE.to_owned()),
            ("MASTER_PORT", port.to_string()),
            (LAUNCHED, "1".to_owned()),
        ] {
            command.env(name, value);
        }
        if rank > 0 {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        }
        let mut child = command.spawn().with_context(|| format!("starting worker {rank}"))?;
        let says = child.stderr.take().map(|stderr| thread::spawn(move || listen(stderr)));
        Ok(Heard { worker: Worker::new(child), says })
    }
}

/// Ends all workers, as that of number `rank` has, which has told why or has another tell; the exit code, and what was
/// said unless the first said it, which everybody hears.
fn finish(workers: &mut [Heard], rank: usize, store: &Store) -> (i32, Option<String>) {
    let start = Instant::now();
    while start.elapsed() < GRACE {
        let mut running = false;
        for Heard { worker, .. } in workers.iter_mut() {
            let looked = worker.look().is_ok();
            running |= looked && worker.ended.is_none();
        }
        if !running {
            break;
        }
        thread::sleep(LOOK);
    }
    let first_told = workers[0].worker.ended.is_some_and(|status| !status.success());
    workers.iter_mut().for_each(|heard| heard.worker.kill());
    let code = |heard: &Heard| heard.worker.ended.and_then(|status| status.code());
    let codes = [code(&workers[0]), code(&workers[rank])];
    // Of the first the second tells, and it may end as if it had told itself.
    let said = match watch::teller(store).and_then(|teller| workers.get_mut(teller)) {
        Some(teller) => teller.says.take(),
        None => workers[rank].says.take().filter(|_| !first_told),
    };
    let said = said.and_then(|says| says.join().ok()).filter(|said| !said.is_empty());
    (codes.into_iter().flatten().find(|code| *code != 0).unwrap_or(1), said)
}

/// What is told of a worker that was killed.
fn killed(rank: usize, signal: i32, store: &Store) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let why = if signal == 9 { " (out of memory, if nobody did it)" } else { "" };
    let (after, standing) = watch::last(store, rank).unwrap_or_default();
    let told = format!("rank {rank} on `{host}` was killed by signal {signal}{why}{after}");
    if standing.is_empty() { told } else { format!("{told}; {standing}") }
}

/// The end of what a worker says.
fn listen(mut stderr: ChildStderr) -> String {
    let mut all = Vec::new();
    let mut part = [0; 4096];
    while let Ok(length) = stderr.read(&mut part) {
        if length == 0 {
            break;
        }
        all.extend_from_slice(&part[..length]);
        let surplus = all.len().saturating_sub(1 << 16);
        all.drain(..surplus);
    }
    String::from_utf8_lossy(&all).into_owned()
}
