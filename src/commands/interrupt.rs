//! Ctrl-C: once to come to an orderly end, twice to stop at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};

use crate::terminal::leave;

/// A flag that the first Ctrl-C raises, so that what is under way is finished; the second ends the
/// process.
///
/// # Errors
/// When the system refuses to tell of Ctrl-C.
pub(super) fn stop_on_interrupt() -> Result<Arc<AtomicBool>> {
    // The system takes one listener a process.
    static FLAG: OnceLock<Result<Arc<AtomicBool>, String>> = OnceLock::new();
    let flag = FLAG.get_or_init(|| {
        let stopped = Arc::new(AtomicBool::new(false));
        let raised = Arc::clone(&stopped);
        ctrlc::set_handler(move || {
            if raised.swap(true, Ordering::Relaxed) {
                leave(130);
            }
        })
        .map_err(|error| error.to_string())?;
        Ok(stopped)
    });
    flag.clone().map_err(anyhow::Error::msg).context("listening for Ctrl-C")
}
