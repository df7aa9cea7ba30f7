//! A photo's file in memory: read once, so that pipes work and what is decoded is what was looked at.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::data::photo::limit::most_file_bytes;
use crate::visible::Shown;

/// A photo's file in memory.
#[derive(Clone, Debug)]
pub(crate) struct PhotoFile {
    /// Where it was read.
    pub path: PathBuf,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl PhotoFile {
    /// Reads a file, or a pipe to its end.
    ///
    /// # Errors
    /// When it cannot be read, or is too large for a photo.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let attempt = || -> Result<Vec<u8>> {
            let file = File::open(path);
            ensure!(
                file.is_ok() || path != Path::new("-"),
                "no file is called so, and photos come through pipes by a name: give /dev/stdin, or `<(...)` in the \
                 shell"
            );
            let file = file?;
            let metadata = file.metadata()?;
            ensure!(!metadata.is_dir(), "this is a folder, not an image file");
            let most = most_file_bytes();
            let mut bytes = Vec::with_capacity(metadata.len().min(most) as usize);
            file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
            ensure!(bytes.len() as u64 <= most, "the file is too large for an image");
            Ok(bytes)
        };
        let bytes = attempt().with_context(|| format!("decoding image `{}`", path.shown()))?;
        Ok(Self { path: path.to_owned(), bytes })
    }
}

/// Ensures that a path leads to a plain file: what a list names is read without anyone who would fill a pipe.
///
/// # Errors
/// When there is nothing, or something else.
pub(crate) fn ensure_plain_file(path: &Path) -> Result<()> {
    let attempt = || -> Result<()> {
        let kind = std::fs::metadata(path)?.file_type();
        ensure!(!kind.is_dir(), "this is a folder, not an image file");
        ensure!(
            kind.is_file(),
            "this is a pipe or a device, not a file, and nobody may be there to fill it: name a file"
        );
        Ok(())
    };
    attempt().with_context(|| format!("decoding image `{}`", path.shown()))
}
