//! `pictures/`: what the weights found of some validation pairs, before the first step and after each epoch.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::output::{self, leftovers};
use crate::visible::Shown;

/// The folder within a run's.
pub(crate) const PICTURES: &str = "pictures";

/// One picture of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StoredPicture {
    /// Which of the pairs that are shown it shows, from 1.
    pub pair: usize,
    /// Optimizer steps done.
    pub step: u64,
    /// The file, a JPEG.
    pub path: PathBuf,
}

/// Writes a picture.
///
/// # Errors
/// When it cannot be written.
pub(super) fn save(folder: &Path, step: u64, pair: usize, jpeg: &[u8]) -> Result<()> {
    let folder = folder.join(PICTURES);
    fs::create_dir_all(&folder).with_context(|| format!("making `{}`", folder.shown()))?;
    let path = folder.join(format!("step-{step:08}-{pair}.jpg"));
    output::write(&path, |file| Ok(file.write_all(jpeg)?))
}

/// The pictures of a run, by pair and step.
///
/// # Errors
/// When the folder is there and cannot be read.
pub(crate) fn list(folder: &Path) -> Result<Vec<StoredPicture>> {
    let folder = folder.join(PICTURES);
    let context = || format!("reading `{}`", folder.shown());
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(context)?,
    };
    let mut pictures = Vec::new();
    for entry in entries {
        let path = entry.with_context(context)?.path();
        pictures.extend(numbers(&path).map(|(step, pair)| StoredPicture { pair, step, path }));
    }
    pictures.sort();
    Ok(pictures)
}

/// Deletes the pictures of later steps, which a run that was cut off made after its last checkpoint.
///
/// # Errors
/// When one cannot be deleted.
pub(super) fn drop_later(folder: &Path, steps: u64) -> Result<()> {
    leftovers::clear(&folder.join(PICTURES));
    for picture in list(folder)?.into_iter().filter(|picture| picture.step > steps) {
        fs::remove_file(&picture.path)
            .with_context(|| format!("deleting the old `{}`", picture.path.shown()))?;
    }
    Ok(())
}

/// Step and pair of a picture of ours.
fn numbers(path: &Path) -> Option<(u64, usize)> {
    let name = path.file_name()?.to_str()?;
    let (step, pair) = name.strip_prefix("step-")?.strip_suffix(".jpg")?.split_once('-')?;
    Some((step.parse().ok()?, pair.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_later_steps_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(list(folder).unwrap(), []);
        for step in [20, 0, 10] {
            [2, 1].iter().for_each(|pair| save(folder, step, *pair, b"jpeg").unwrap());
        }
        fs::write(folder.join(PICTURES).join("mine.jpg"), "").unwrap();
        drop_later(folder, 10).unwrap();
        let kept: Vec<(usize, u64)> =
            list(folder).unwrap().iter().map(|picture| (picture.pair, picture.step)).collect();
        assert_eq!(kept, [(1, 0), (1, 10), (2, 0), (2, 10)]);
        assert!(folder.join(PICTURES).join("mine.jpg").is_file());
    }
}
