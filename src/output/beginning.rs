//! What a file is, as far as its beginning tells.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

use crate::visible::Shown;

/// The first bytes of a file, so many at most, as far as they are text.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn beginning(path: &Path, bytes: u64) -> Result<String> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes).read_to_end(&mut start))
        .with_context(|| format!("reading `{}`", path.shown()))?;
    Ok(String::from_utf8_lossy(&start).into_owned())
}
