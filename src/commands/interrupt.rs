//! Ctrl-C: once to come to an orderly end, twice to stop at once.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::terminal::leave;

/// Whether the first is enough.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// A flag that the first Ctrl-C raises (or a request to end, or the end of the terminal), so that what is under
/// way is finished; the second ends the process. What whoever started the process has it ignore, as `nohup`
/// does with the end of the terminal, stays ignored.
///
/// # Errors
/// When the system refuses to tell of Ctrl-C.
pub(super) fn stop_on_interrupt() -> Result<Arc<AtomicBool>> {
    // One listener a process.
    static FLAG: OnceLock<Result<Arc<AtomicBool>, String>> = OnceLock::new();
    let flag = FLAG.get_or_init(|| {
        let stopped = Arc::new(AtomicBool::new(false));
        listen(Arc::clone(&stopped)).map_err(|error| error.to_string())?;
        Ok(stopped)
    });
    flag.clone().map_err(anyhow::Error::msg).context("listening for Ctrl-C")
}

/// Has the first Ctrl-C (or a request to end, or the end of the terminal) end the process, for work of which nothing
/// is left when it is stopped.
///
/// # Errors
/// As [`stop_on_interrupt`].
pub(super) fn leave_on_interrupt() -> Result<()> {
    AT_ONCE.store(true, Ordering::Relaxed);
    stop_on_interrupt().map(drop)
}

fn listen(raised: Arc<AtomicBool>) -> std::io::Result<()> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = ignored(&status);
    let heard = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & bit(*signal) == 0);
    let mut signals = Signals::new(heard)?;
    let wait = move || {
        for _ in signals.forever() {
            if raised.swap(true, Ordering::Relaxed) || AT_ONCE.load(Ordering::Relaxed) {
                leave(130);
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(wait)?;
    Ok(())
}

/// The signals that a process ignores, a bit each, as Linux tells of it.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_told_by_its_bit() {
        let mask = ignored("Name:\tx\nSigBlk:\t0000000000000007\nSigIgn:\t0000000000001001\n");
        assert_eq!((mask & bit(SIGHUP), mask & bit(SIGINT)), (1, 0));
        assert_eq!(ignored(""), 0);
    }
}
