//! Which file a name stands for, whatever the name: a file that is there by device and inode, one that is not
//! there yet by its folder's and its own name.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::{stdin, stdout};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crate::output::destination::{DASH, Destination, folder_of, metadata};

/// Which file a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// A file that is there.
    There {
        /// Its device.
        device: u64,
        /// Its inode.
        inode: u64,
    },
    /// A file that is not there yet.
    New {
        /// The folder's device.
        device: u64,
        /// The folder's inode.
        inode: u64,
        /// The file's name.
        name: OsString,
    },
    /// Stdout, where that is no file.
    Stdout,
}

impl Identity {
    /// Of an input; `None` where nothing can be overwritten.
    pub(super) fn of_input(path: &Path) -> Option<Self> {
        let found = if path == Path::new(DASH) { metadata(&stdin()) } else { fs::metadata(path) };
        Self::there(&found.ok()?)
    }

    /// Of an output; `None` where several do not disturb each other.
    pub(super) fn of_output(destination: &Destination) -> Option<Self> {
        match destination {
            Destination::Stdout => Some(Self::of_stdout().unwrap_or(Self::Stdout)),
            Destination::Straight(path, _) => Self::there(&fs::metadata(path).ok()?),
            Destination::File(path) => match fs::metadata(path) {
                Ok(found) => Self::there(&found),
                Err(_) => {
                    let folder = fs::metadata(folder_of(path)).ok()?;
                    let name = path.file_name()?.to_owned();
                    Some(Self::New { device: folder.dev(), inode: folder.ino(), name })
                }
            },
        }
    }

    /// Of the file that stdout leads to, if it leads to one.
    pub(super) fn of_stdout() -> Option<Self> {
        Self::there(&metadata(&stdout()).ok()?)
    }

    fn there(found: &Metadata) -> Option<Self> {
        let device = found.file_type().is_char_device();
        (!device).then(|| Self::There { device: found.dev(), inode: found.ino() })
    }
}
