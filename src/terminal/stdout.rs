//! Stdout, whose reader may go away and whose disk may be full; neither keeps a command from the rest of its
//! work.

use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::output::ensure_stdout_open;

/// Stdout, and what became of it.
#[derive(Debug, Default)]
pub(super) struct Stdout {
    /// Why nothing more can be written.
    broken: Mutex<Option<io::Error>>,
}

impl Stdout {
    /// Writes a line, unless nothing more can be written.
    pub(super) fn line(&self, line: &str) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.is_none() {
            let mut stdout = io::stdout().lock();
            let written = ensure_stdout_open().and_then(|()| writeln!(stdout, "{line}"));
            *broken = written.and_then(|()| stdout.flush()).err();
        }
    }

    /// Whether the reader is gone (`| head`), so that nobody waits for the rest.
    pub(super) fn reader_is_gone(&self) -> bool {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.as_ref().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    }

    /// Whether all was written that anybody waits for; asked once.
    ///
    /// # Errors
    /// When something was not, as on a full disk.
    pub(super) fn written(&self) -> Result<()> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner).take();
        match broken {
            Some(error) => told(error),
            None => Ok(()),
        }
    }
}

/// Prints what has its own way to stdout; a reader that is gone is no error.
///
/// # Errors
/// When it cannot be written.
pub(super) fn print(print: impl FnOnce() -> io::Result<()>) -> Result<()> {
    ensure_stdout_open().and_then(|()| print()).or_else(told)
}

/// An error, but for a reader that is gone: nobody waits for the rest.
fn told(error: io::Error) -> Result<()> {
    if error.kind() == ErrorKind::BrokenPipe {
        return Ok(());
    }
    Err(error).context("writing the result to stdout")
}
