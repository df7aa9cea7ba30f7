//! Workers on this machine that do parts of a work by themselves and say line by line what they have done.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::num::NonZeroUsize;
use std::process::{ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::processes::worker::{Worker, command};

/// How long to wait for news at once.
const LOOK: Duration = Duration::from_millis(50);

/// Workers.
pub(crate) struct Crew {
    workers: Vec<Worker>,
    lines: Receiver<(usize, String)>,
}

/// Something that happened.
pub(crate) enum News {
    /// A worker has said something.
    Line(usize, String),
    /// A worker has ended, after all that it said.
    End(usize, ExitStatus),
}

impl Crew {
    /// Starts workers with these arguments, each with a variable that says its part.
    ///
    /// # Errors
    /// When one cannot be started.
    pub(crate) fn start(
        arguments: Vec<OsString>,
        count: NonZeroUsize,
        share: &dyn Fn(usize) -> (&'static str, String),
    ) -> Result<Self> {
        let (sender, lines) = channel();
        let mut workers = Vec::new();
        for rank in 0..count.get() {
            let (name, value) = share(rank);
            let mut command = command(&arguments, count.get())?;
            command.env(name, value).stdin(Stdio::null()).stdout(Stdio::piped());
            let mut child = command.spawn().with_context(|| format!("starting worker {rank}"))?;
            if let Some(stdout) = child.stdout.take() {
                let sender = sender.clone();
                thread::spawn(move || pass_on(rank, stdout, &sender));
            }
            workers.push(Worker::new(child));
        }
        Ok(Self { workers, lines })
    }

    /// Asks all to stop.
    pub(crate) fn interrupt(&mut self) {
        self.workers.iter_mut().for_each(Worker::interrupt);
    }

    /// What happened next, if it was soon.
    ///
    /// # Errors
    /// When the system does not tell of the workers.
    pub(crate) fn news(&mut self) -> Result<Option<News>> {
        match self.lines.recv_timeout(LOOK) {
            Ok((rank, line)) => return Ok(Some(News::Line(rank, line))),
            // Nobody says anything any more.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK),
            Err(RecvTimeoutError::Timeout) => {}
        }
        for (rank, worker) in self.workers.iter_mut().enumerate() {
            if let Some(status) = worker.look()? {
                return Ok(Some(News::End(rank, status)));
            }
        }
        Ok(None)
    }
}

fn pass_on(rank: usize, stdout: ChildStdout, sender: &Sender<(usize, String)>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if sender.send((rank, line)).is_err() {
            break;
        }
    }
}
