//! Writes one output.

use std::env;
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Cursor, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::output::destination::{Destination, ensure_stdout_open, folder_of};
use crate::output::unfinished::{UnfinishedFile, temporary};
use crate::visible::Shown;

/// Writes the output `path`. A plain file is written under a temporary name in the same folder, which must
/// exist, and renamed at the end, so that no half file ever carries the final name; links are followed and
/// stay. What cannot be replaced (`-` for stdout, devices, FIFOs) is written straight, once everything is
/// there.
///
/// # Errors
/// When `path` cannot be written or `fill` fails; nothing is left behind. A reader that is gone is no error:
/// nobody waits for the rest.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&mut UnfinishedFile) -> Result<()>,
) -> Result<()> {
    let attempt = || match Destination::of(path)? {
        Destination::File(file) => write_whole(&file, fill),
        Destination::Straight(path, straight) => {
            let bytes = filled(fill)?;
            write_straight(&mut straight.open(&path)?, &bytes)
        }
        Destination::Stdout => {
            ensure_stdout_open()?;
            write_straight(&mut io::stdout().lock(), &filled(fill)?)
        }
    };
    attempt().with_context(|| format!("writing `{}`", path.shown()))
}

/// Writes a text as the output `path`, see [`write`].
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    write(path, |file| Ok(file.write_all(text.as_bytes())?))
}

/// A file for what is needed until the output `path` is written: beside it, as there is to be room for the
/// output, or where the system keeps such files if the output is a stream.
///
/// # Errors
/// When `path` cannot be an output, or the folder takes no new file.
pub(crate) fn scratch(path: &Path) -> Result<NamedTempFile> {
    let file = match Destination::of(path)? {
        Destination::File(file) => temporary(folder_of(&file)),
        Destination::Straight(..) | Destination::Stdout => temporary(&env::temp_dir()),
    };
    file.context("making a temporary file")
}

fn write_whole(path: &Path, fill: impl FnOnce(&mut UnfinishedFile) -> Result<()>) -> Result<()> {
    let (file, place) = temporary(folder_of(path))?.into_parts();
    if let Ok(replaced) = fs::metadata(path) {
        take_over(&file, &replaced)?;
    }
    let mut unfinished = UnfinishedFile::OnDisk(BufWriter::new(file));
    fill(&mut unfinished)?;
    unfinished.flush()?;
    if let UnfinishedFile::OnDisk(writer) = &unfinished {
        writer.get_ref().sync_all()?;
    }
    // Open, and so locked, until it has its name.
    place.persist(path).map_err(|error| error.error)?;
    drop(unfinished);
    Ok(())
}

/// The permissions of the file that is replaced, and its owner where the user may give files away.
fn take_over(file: &File, replaced: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (replaced.uid(), replaced.gid()) {
        // Most may not.
        let _ = fchown(file, Some(replaced.uid()), Some(replaced.gid()));
    }
    file.set_permissions(replaced.permissions())
}

fn filled(fill: impl FnOnce(&mut UnfinishedFile) -> Result<()>) -> Result<Vec<u8>> {
    let mut unfinished = UnfinishedFile::InMemory(Cursor::default());
    fill(&mut unfinished)?;
    match unfinished {
        UnfinishedFile::InMemory(bytes) => Ok(bytes.into_inner()),
        UnfinishedFile::OnDisk(_) => unreachable!("it is in memory"),
    }
}

fn write_straight(stream: &mut impl Write, bytes: &[u8]) -> Result<()> {
    match stream.write_all(bytes).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_write_leaves_the_old_file_and_no_temporary_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.txt");
        write(&path, |file| Ok(file.write_all(b"old")?)).unwrap();
        let error = write(&path, |file| {
            file.write_all(b"half")?;
            anyhow::bail!("the disk is full")
        });
        assert!(format!("{:#}", error.unwrap_err()).contains("result.txt`: the disk is full"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
