//! How the process ends.

use std::io::Write;

/// Ends the process with an exit code, when all that was printed is written.
pub(crate) fn finish(code: i32) -> ! {
    let _ = std::io::stdout().flush();
    leave(code)
}

/// Ends the process with an exit code at once, even while another thread writes to a stdout that nobody reads.
///
/// What libraries do at a usual end is left out: libtorch takes its thousands of operators off their lists one
/// by one, which was a quarter of the time of a command that does little, and threads that still compute (after
/// a second Ctrl-C) would see that happen.
pub(crate) fn leave(code: i32) -> ! {
    #[cfg(unix)]
    #[allow(unsafe_code, reason = "ends the process, at any time and whatever its state")]
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}
