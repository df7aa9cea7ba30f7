//! The same program once more, as a worker of this one.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// A worker.
pub(super) struct Worker {
    child: Child,
    /// How it has ended.
    pub ended: Option<ExitStatus>,
}

/// This program with these arguments, as one of several workers, which share the processors unless the user says
/// otherwise. It has a process group of its own, so that Ctrl-C reaches who started it alone.
pub(super) fn command(arguments: &[OsString], count: usize) -> Result<Command> {
    let program = std::env::current_exe().context("finding this program's file")?;
    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !["LPMFLOW_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"].into_iter().any(is_set) {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        command.env("LPMFLOW_THREADS", (processors / count).max(1).to_string());
    }
    Ok(command)
}

impl Worker {
    /// One that has been started.
    pub(super) fn new(child: Child) -> Self {
        Self { child, ended: None }
    }

    /// How it has ended, told once.
    pub(super) fn look(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_some() {
            return Ok(None);
        }
        self.ended = self.child.try_wait().context("looking after the workers")?;
        Ok(self.ended)
    }

    /// Asks it to stop.
    pub(super) fn interrupt(&mut self) {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(process) = process.filter(|_| self.ended.is_none()) {
            let _ = kill_process(process, Signal::INT);
        }
    }

    /// Ends it, if it has not ended.
    pub(super) fn kill(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
