//! Paths in JSON: as they are where they are Unicode; otherwise escaped, with a flag beside them that says so.
//!
//! In the escaped form `\xE9` stands for a byte that belongs to no character, and `\\` for a backslash, so
//! that it names one file alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serializer;
use serde::ser::SerializeMap;

/// A path as text, and whether it is escaped.
pub(crate) fn path_text(path: &Path) -> (String, bool) {
    if let Some(text) = path.to_str() {
        return (text.to_owned(), false);
    }
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
    }
    (text, true)
}

/// For a flattened field: the path under `name`, and `flag` where it is escaped.
///
/// # Errors
/// When `serializer` has one.
pub(crate) fn path_fields<S: Serializer>(
    [name, flag]: [&str; 2],
    path: &Path,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let (text, escaped) = path_text(path);
    let mut fields = serializer.serialize_map(None)?;
    fields.serialize_entry(name, &text)?;
    if escaped {
        fields.serialize_entry(flag, &true)?;
    }
    fields.end()
}

/// The path that such a text stands for.
///
/// # Errors
/// When an escape is none, or the system has no such paths.
pub(crate) fn path_from_text(text: String, escaped: bool) -> Result<PathBuf> {
    if !escaped {
        return Ok(text.into());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest {
            [b'\\', after @ ..] => {
                bytes.push(b'\\');
                rest = after;
            }
            [b'x', first, second, after @ ..] => {
                bytes.push(byte_of([*first, *second]).with_context(|| wrong_escape(&text))?);
                rest = after;
            }
            _ => bail!(wrong_escape(&text)),
        }
    }
    from_bytes(bytes)
}

fn wrong_escape(text: &str) -> String {
    format!(
        "`{text}`: in an escaped path a backslash is followed by another, or by `x` and two digits"
    )
}

fn byte_of(digits: [u8; 2]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(value(digits[0])? * 16 + value(digits[1])?).ok()
}

#[cfg(unix)]
fn from_bytes(bytes: Vec<u8>) -> Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn from_bytes(bytes: Vec<u8>) -> Result<PathBuf> {
    Ok(String::from_utf8(bytes).context("this system's paths are Unicode")?.into())
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn every_path_comes_back_from_its_text() {
        for (bytes, expected) in [
            (b"a/caf\xC3\xA9.png".as_slice(), ("a/café.png", false)),
            (b"back\\slash", ("back\\slash", false)),
            (b"caf\xE9\\x41.png", ("caf\\xE9\\\\x41.png", true)),
            (b"\xFF\xFE", ("\\xFF\\xFE", true)),
        ] {
            let path = Path::new(OsStr::from_bytes(bytes));
            let (text, escaped) = path_text(path);
            assert_eq!((text.as_str(), escaped), expected);
            assert_eq!(path_from_text(text, escaped).unwrap(), path);
        }
    }

    #[test]
    fn what_is_no_escape_is_refused() {
        for text in ["a\\", "a\\n", "a\\x4", "a\\xg0", "\\x+1"] {
            let error = path_from_text(text.to_owned(), true).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("two digits"), "{error}");
        }
    }
}
