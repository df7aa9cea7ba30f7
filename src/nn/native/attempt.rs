//! Functions in C++ that may fail and say why.

use std::ffi::{CStr, c_char};

use anyhow::{Result, bail};

/// Room for an error's text.
pub(super) const MESSAGE: usize = 1024;

/// Calls a function that returns whether it succeeded, and else its reason in the text it is given.
///
/// # Errors
/// When it did not; the error is the first line of that text.
pub(super) fn attempt(call: impl FnOnce(*mut c_char) -> bool) -> Result<()> {
    let mut message = [0 as c_char; MESSAGE];
    if call(message.as_mut_ptr()) {
        return Ok(());
    }
    message[MESSAGE - 1] = 0;
    // Safety: the last byte is zero.
    let text = unsafe { CStr::from_ptr(message.as_ptr()) }.to_string_lossy();
    bail!("{}", text.lines().next().unwrap_or("for no stated reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_one_line() {
        let fails = |message: *mut c_char| {
            let text = c"first line\nsecond line";
            unsafe { std::ptr::copy(text.as_ptr(), message, text.count_bytes() + 1) };
            false
        };
        assert_eq!(attempt(fails).unwrap_err().to_string(), "first line");
    }
}
