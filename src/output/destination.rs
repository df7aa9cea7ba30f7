//! What lies behind the name of an output.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use rustix::fs::{AtFlags, CWD, OFlags, StatxAttributes, StatxFlags, fcntl_getfl, statx};

/// Stands for stdin where something is read, and for stdout where something is written.
pub(super) const DASH: &str = "-";

/// Links that are followed, as many as the system follows.
const MOST_LINKS: usize = 40;

/// What lies behind the name of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// A plain file, there already or not yet, with no link on the way: replaced as a whole.
    File(PathBuf),
    /// What cannot be replaced: a device, a FIFO, a descriptor that is open already, a mount. Written straight.
    Straight(PathBuf, Straight),
    /// Stdout: `-`, or whatever leads to the same.
    Stdout,
}

/// How something is written straight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Straight {
    /// Behind what is there: others may write to it as well.
    Append,
    /// In place of what is there.
    Overwrite,
}

impl Destination {
    /// What lies behind `path`.
    ///
    /// # Errors
    /// When nothing can be written there: it is a folder or a socket, or links lead nowhere.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let name = path.as_os_str();
        ensure!(!name.is_empty(), "the name is empty");
        ensure!(!name.as_bytes().ends_with(b"/"), "it names a folder");
        if name == DASH {
            return Ok(Self::Stdout);
        }
        match follow(path)? {
            Followed::Path(path) => Self::of_path(path),
            Followed::Descriptor(path) => {
                let found = fs::metadata(&path)?;
                ensure_writable_kind(&found)?;
                Ok(Self::Straight(path, Straight::Append))
            }
            Followed::Stdout => Ok(Self::Stdout),
        }
    }

    fn of_path(path: PathBuf) -> Result<Self> {
        let found = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::File(path)),
            found => found?,
        };
        ensure_writable_kind(&found)?;
        // Two ways to one terminal or to `/dev/null` do not disturb each other.
        if !found.file_type().is_char_device() && is_stdout(&found) {
            return Ok(Self::Stdout);
        }
        if !found.is_file() {
            return Ok(Self::Straight(path, Straight::Append));
        }
        // As of a container's single files.
        if is_mount(&path) {
            return Ok(Self::Straight(path, Straight::Overwrite));
        }
        Ok(Self::File(path))
    }
}

impl Straight {
    /// Opens what is to be written.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        match self {
            Self::Append => options.append(true),
            Self::Overwrite => options.write(true).truncate(true),
        };
        options.open(path)
    }
}

/// Whether an output of this name is a stream that takes anything, whatever it is called.
pub(crate) fn is_stream(path: &Path) -> bool {
    matches!(
        Destination::of(path),
        Ok(Destination::Stdout | Destination::Straight(_, Straight::Append))
    )
}

/// Whether stdout can be written to. Where it cannot, as after `>&-`, Rust takes what is written for written.
///
/// # Errors
/// When it cannot.
pub(crate) fn ensure_stdout_open() -> io::Result<()> {
    let mode = fcntl_getfl(io::stdout())? & OFlags::RWMODE;
    if mode == OFlags::RDONLY {
        return Err(io::Error::other("it is not open for writing"));
    }
    Ok(())
}

/// The folder that a file lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What is known of stdout or stdin.
pub(super) fn metadata(descriptor: &impl AsFd) -> io::Result<Metadata> {
    File::from(descriptor.as_fd().try_clone_to_owned()?).metadata()
}

/// Where links lead.
enum Followed {
    Path(PathBuf),
    Stdout,
    /// Another descriptor that is open already, as `/dev/fd/3`.
    Descriptor(PathBuf),
}

fn follow(path: &Path) -> Result<Followed> {
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Some(descriptor) = descriptor(&place) {
            return Ok(descriptor);
        }
        match fs::read_link(&place) {
            Ok(target) => place = folder_of(&place).join(target),
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => {
                return Ok(Followed::Path(place));
            }
            Err(error) => return Err(error.into()),
        }
    }
    bail!("its links lead in a circle")
}

/// The descriptor that a name in a process's folder of descriptors stands for.
fn descriptor(path: &Path) -> Option<Followed> {
    let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
    let folder = folder_of(path).canonicalize().ok()?;
    if !folder.starts_with("/proc") || !folder.ends_with("fd") {
        return None;
    }
    let own = Path::new("/proc/self/fd").canonicalize().is_ok_and(|own| own == folder);
    let stdout = own && number == 1;
    Some(if stdout { Followed::Stdout } else { Followed::Descriptor(path.to_owned()) })
}

fn ensure_writable_kind(found: &Metadata) -> Result<()> {
    ensure!(!found.is_dir(), "it is a folder");
    ensure!(!found.file_type().is_socket(), "it is a socket");
    Ok(())
}

fn is_stdout(found: &Metadata) -> bool {
    let same = |stdout: Metadata| (stdout.dev(), stdout.ino()) == (found.dev(), found.ino());
    metadata(&io::stdout()).is_ok_and(same)
}

/// Whether something else is mounted over a name, which therefore cannot be given to another file.
fn is_mount(path: &Path) -> bool {
    statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}
