//! The bytes of a text that users name: a file, a pipe or standard input, and no more than it may have.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use anyhow::{Result, ensure};

use crate::data::lists::encoding::holds_no_text;

/// The largest text that is read: lists of some million pairs.
const MOST_BYTES: u64 = 512 << 20;

/// Bytes from which it shows whether something is text.
const START: u64 = 1 << 16;

/// The text of a file.
///
/// # Errors
/// When it cannot be read, is too large, or no text.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    at_most(MOST_BYTES, File::open(path)?)
}

/// As [`read`], of standard input where the file is called `-`.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_or_stdin(path: &Path) -> Result<Vec<u8>> {
    if path == Path::new("-") { at_most(MOST_BYTES, stdin()) } else { read(path) }
}

/// All of a text of so many bytes at most.
///
/// # Errors
/// When it cannot be read, is larger, or no text.
pub(crate) fn at_most(most: u64, mut stream: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.by_ref().take(START).read_to_end(&mut bytes)?;
    // A disk image named by mistake is not read to its end.
    ensure!(!holds_no_text(&bytes), "it is no text: it holds zero bytes");
    stream.take((most + 1).saturating_sub(START)).read_to_end(&mut bytes)?;
    ensure!(
        bytes.len() as u64 <= most,
        "it is larger than {} MiB, the most that is read of such a file",
        most >> 20
    );
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_refused() {
        let spaces = |count| std::io::repeat(b' ').take(count);
        for most in [1 << 20, 1 << 16] {
            assert_eq!(at_most(most, spaces(most)).unwrap().len() as u64, most);
            let error = at_most(most, spaces(most + 1)).unwrap_err().to_string();
            assert!(error.contains("larger than"), "{error}");
        }
    }

    #[test]
    fn what_is_no_text_is_not_read_to_its_end() {
        let error = at_most(MOST_BYTES, std::io::repeat(0)).unwrap_err().to_string();
        assert!(error.contains("no text"), "{error}");
    }
}
