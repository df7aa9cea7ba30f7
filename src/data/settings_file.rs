//! Files of settings, in TOML: only so large, because their parser takes many times their size.

use std::fs::File;
use std::path::Path;

use anyhow::Result;

use crate::data::lists::bytes::at_most;
use crate::data::lists::encoding::decode;

/// The largest file that is read: a thousand datasets fit into it.
const MOST_BYTES: u64 = 1 << 20;

/// Memory that the parser takes for each byte of the text, at most: of one that is nothing but mistakes.
#[cfg(test)]
pub(crate) const PARSER_FACTOR: u64 = 100;

/// The text of a file of settings, which may be a pipe.
///
/// # Errors
/// When it cannot be read, is in another encoding than UTF-8 and UTF-16, or too large.
pub(crate) fn read(path: &Path) -> Result<String> {
    decode(at_most(MOST_BYTES, File::open(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (length, is_read) in [(MOST_BYTES, true), (MOST_BYTES + 1, false)] {
            std::fs::write(file.path(), vec![b' '; length as usize]).unwrap();
            assert_eq!(read(file.path()).is_ok(), is_read, "{length}");
        }
        assert!(format!("{:#}", read(file.path()).unwrap_err()).contains("larger than 1 MiB"));
    }
}
