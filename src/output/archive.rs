//! Zip archives under way to a file that may not take them.

use std::io::{Seek, Write};
use std::mem;

use anyhow::Result;
use zip::ZipWriter;

/// Writes an archive that `fill` fills.
///
/// # Errors
/// When it cannot be written, and those of `fill`.
pub(crate) fn write_archive<W: Write + Seek>(
    file: W,
    fill: impl FnOnce(&mut ZipWriter<W>) -> Result<()>,
) -> Result<()> {
    let mut archive = ZipWriter::new(file);
    if let Err(error) = fill(&mut archive) {
        // Dropped, it would try to end the archive, and print on stderr that it could not.
        mem::forget(archive);
        return Err(error);
    }
    archive.finish()?;
    Ok(())
}
