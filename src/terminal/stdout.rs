//! Stdout, whose reader may go away and whose disk may be full; neither keeps a command from the rest of its
//! work.

use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

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
            *broken = writeln!(stdout, "{line}").and_then(|()| stdout.flush()).err();
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
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(error).context("writing the result to stdout")
            }
            _ => Ok(()),
        }
    }
}
