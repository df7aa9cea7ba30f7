//! Output files that appear under their final name only when they are complete.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// A file under way: buffered, writable and seekable, not yet under its final name.
pub(crate) type UnfinishedFile = BufWriter<NamedTempFile>;

/// Writes `path` through a temporary file in the same folder, renamed at the end, so that no half
/// file ever carries the final name. The folder must exist.
///
/// # Errors
/// When the temporary file cannot be made, `fill` fails, or the rename fails; nothing is left behind.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&mut UnfinishedFile) -> Result<()>,
) -> Result<()> {
    let folder = folder_of(path);
    let attempt = || -> Result<()> {
        let temporary = new_file_settings().prefix(".lpmflow-").tempfile_in(folder)?;
        let mut writer = BufWriter::new(temporary);
        fill(&mut writer)?;
        writer.flush()?;
        let temporary = writer.into_inner().map_err(|error| error.into_error())?;
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().with_context(|| format!("writing `{}`", path.display()))
}

/// Checks, before the work that fills it, that `path` can be written: its folder exists and takes new
/// files, and `path` itself is no folder. Leaves nothing behind.
///
/// # Errors
/// Why it cannot.
pub(crate) fn check_writable(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    let attempt = || -> Result<()> {
        anyhow::ensure!(!path.is_dir(), "it is a folder");
        anyhow::ensure!(
            folder.is_dir(),
            "the folder `{}` does not exist: create it first",
            folder.display()
        );
        new_file_settings().prefix(".lpmflow-").tempfile_in(folder)?;
        Ok(())
    };
    attempt().with_context(|| format!("cannot write `{}`", path.display()))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Temporary files are private to the user by default; a result gets the permissions that the user's
/// mask gives any new file.
fn new_file_settings() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
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

    #[test]
    fn unwritable_paths_are_noticed_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| format!("{:#}", check_writable(path).unwrap_err());
        assert!(error(folder.path()).ends_with("it is a folder"));
        let missing = error(&folder.path().join("missing/result.txt"));
        assert!(missing.contains("missing` does not exist"), "{missing}");
        check_writable(&folder.path().join("result.txt")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
