//! A file under way, not yet under its final name.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Cursor, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

/// How the names of temporary files begin.
pub(super) const PREFIX: &str = ".lpmflow-";

/// How often a temporary file is made anew when a run that clears leftovers was faster than its lock.
const ATTEMPTS: usize = 16;

/// A file under way: writable and seekable.
#[derive(Debug)]
pub(crate) enum UnfinishedFile {
    /// Beside the final name.
    OnDisk(BufWriter<File>),
    /// Of something that cannot be sought in.
    InMemory(Cursor<Vec<u8>>),
}

impl Write for UnfinishedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::OnDisk(file) => file.write(bytes),
            Self::InMemory(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::OnDisk(file) => file.flush(),
            Self::InMemory(file) => file.flush(),
        }
    }
}

impl Seek for UnfinishedFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match self {
            Self::OnDisk(file) => file.seek(position),
            Self::InMemory(file) => file.seek(position),
        }
    }
}

/// Makes a temporary file in a folder, locked as long as it is open, so that nobody takes it for one that a
/// killed run left.
///
/// # Errors
/// When the folder takes no new files.
pub(super) fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    // Private to the user by default; a result gets the permissions that the user's mask gives any new file.
    builder.prefix(PREFIX).permissions(Permissions::from_mode(0o666));
    let mut temporary = builder.tempfile_in(folder)?;
    for _ in 0..ATTEMPTS {
        let file = temporary.as_file();
        // Where files cannot be locked nobody clears them either.
        if file.lock().is_err() || file.metadata()?.nlink() > 0 {
            break;
        }
        temporary = builder.tempfile_in(folder)?;
    }
    Ok(temporary)
}
