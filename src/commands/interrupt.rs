//! Ctrl-C: once to come to an orderly end, twice to stop at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// A flag that the first Ctrl-C raises, so that what is under way is finished; the second ends the
/// process.
///
/// # Errors
/// When the system refuses to tell of Ctrl-C.
pub fn stop_on_interrupt() -> Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stopped);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .context("listening for Ctrl-C")?;
    Ok(stopped)
}
