//! A folder that appears whole or not at all.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::output::destination::folder_of;
use crate::output::leftovers::{self, LOCK};
use crate::output::unfinished::{PREFIX, temporary};

/// Makes a folder and those above it, as far as they are absent.
///
/// # Errors
/// When it cannot be made; a file of that name, or a link that leads nowhere, is called that.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists if !path.exists() => {
            anyhow::anyhow!("it is a link that leads nowhere")
        }
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            anyhow::anyhow!("there is a file of that name, or on the way: name a folder")
        }
        _ => error.into(),
    })
}

/// Fills a new folder under a temporary name beside `path`, and gives it that name at the end. What killed runs
/// left there is cleared.
///
/// # Errors
/// When there is something at `path` already, or it cannot be written, and those of `fill`; nothing is left
/// behind.
pub(crate) fn write_folder<T>(path: &Path, fill: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    const TAKEN: &str = "the folder is not empty: delete it or choose another";
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let taken = path.exists() && fs::read_dir(&path)?.next().is_some();
    ensure!(!taken, TAKEN);
    let parent = folder_of(&path);
    make_folder(parent)?;
    leftovers::clear(parent);
    let stage = tempfile::Builder::new()
        .prefix(PREFIX)
        // As the user's mask has it for any new folder.
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(parent)?;
    // Locked before it has the name by which others know the folder.
    let lock =
        temporary(stage.path())?.persist(stage.path().join(LOCK)).map_err(|error| error.error)?;
    let filled = fill(stage.path())?;
    fs::remove_file(stage.path().join(LOCK)).context("finishing the folder")?;
    drop(lock);
    // In place of an empty folder, but not of one that another run has filled meanwhile.
    fs::rename(stage.path(), &path).map_err(|error| match error.kind() {
        ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => anyhow::anyhow!(TAKEN),
        _ => error.into(),
    })?;
    drop(stage.keep());
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("made");
        let count = || fs::read_dir(place.path()).unwrap().count();
        write_folder(&path, |stage| {
            fs::write(stage.join("half"), "half")?;
            assert!(!path.exists());
            leftovers::clear(place.path());
            assert!(stage.join("half").exists(), "another run clears what is under way");
            Err::<(), _>(anyhow::anyhow!("the disk is full"))
        })
        .unwrap_err();
        assert_eq!(count(), 0);
        fs::create_dir(&path).unwrap();
        write_folder(&path, |stage| Ok(fs::write(stage.join("whole"), "whole")?)).unwrap();
        assert_eq!((count(), fs::read_dir(&path).unwrap().count()), (1, 1));
        let error = write_folder(&path, |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
    }

    #[test]
    fn what_is_in_the_way_of_a_folder_is_called_what_it_is() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink("gone", path("link")).unwrap();
        make_folder(&path("a/b")).unwrap();
        for (name, why) in
            [("file", "a file of that name"), ("file/b", "on the way"), ("link", "nowhere")]
        {
            let error = make_folder(&path(name)).unwrap_err().to_string();
            assert!(error.contains(why), "{name}: {error}");
        }
    }

    #[test]
    fn of_two_runs_into_one_folder_one_fails() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("made");
        let outer = write_folder(&path, |stage| {
            fs::write(stage.join("one"), "1")?;
            write_folder(&path, |stage| Ok(fs::write(stage.join("other"), "2")?))
        });
        assert!(outer.unwrap_err().to_string().contains("not empty"));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
