//! Zip archives as PyTorch writes them.

use std::io::{Read, Seek};

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipResult;

/// Opens an archive that begins where its file does. Asked to find out itself, the library refuses some that are
/// sound.
///
/// # Errors
/// When it is damaged or cut off.
pub(crate) fn open<R: Read + Seek>(reader: R) -> ZipResult<ZipArchive<R>> {
    ZipArchive::with_config(Config { archive_offset: ArchiveOffset::Known(0) }, reader)
}
