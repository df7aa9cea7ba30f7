//! Layout `photos`: any folder of images, without annotation.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

use crate::data::photo::images::{EXTENSIONS, photos_below};
use crate::spelling::counted;
use crate::visible::Shown;

/// One photo in so many is kept for validation.
const VALIDATION_SHARE: usize = 10;

/// A folder's photos in two parts, each sorted by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Photos {
    /// What is trained on.
    pub train: Vec<PathBuf>,
    /// What validation warps.
    pub validation: Vec<PathBuf>,
}

/// Finds the photos below `folder` and keeps a tenth of them, at least one, for validation. Which ones
/// depends on their relative paths alone, so the parts are the same on every machine.
///
/// # Errors
/// When a folder cannot be read, or there are fewer than two photos.
pub(crate) fn find_photos(folder: &Path) -> Result<Photos> {
    let mut photos = photos_below(folder)?;
    ensure!(
        photos.len() >= 2,
        "training on the photos of `{}`: found {} ending in {}, but at least two are needed, \
         one to train on and one to validate with",
        folder.shown(),
        counted(photos.len(), "file"),
        EXTENSIONS.join(", ")
    );
    photos.sort_by_cached_key(|path| {
        let relative = path.strip_prefix(folder).unwrap_or(path);
        Sha256::digest(relative.as_os_str().as_encoded_bytes())
    });
    let mut train = photos.split_off(photos.len().div_ceil(VALIDATION_SHARE));
    photos.sort();
    train.sort();
    Ok(Photos { train, validation: photos })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn photos_are_found_in_all_depths_and_nothing_else_is() {
        let folder = folder_with(&["a.JPG", "b/c.png", "b/d/e.webp", "notes.txt", "b/f.json", "g"]);
        let photos = find_photos(folder.path()).unwrap();
        let mut all = [photos.train, photos.validation].concat();
        all.sort();
        let names: Vec<_> =
            all.iter().map(|path| path.strip_prefix(folder.path()).unwrap()).collect();
        assert_eq!(names, ["a.JPG", "b/c.png", "b/d/e.webp"].map(Path::new));
    }

    #[test]
    fn a_tenth_is_kept_for_validation_and_the_same_tenth_wherever_the_folder_lies() {
        let names: Vec<String> = (0..40).map(|index| format!("{index}.png")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let parts = [folder_with(&names), folder_with(&names)].map(|folder| {
            let photos = find_photos(folder.path()).unwrap();
            assert_eq!((photos.train.len(), photos.validation.len()), (36, 4));
            photos
                .validation
                .iter()
                .map(|path| path.file_name().unwrap().to_owned())
                .collect::<Vec<_>>()
        });
        assert_eq!(parts[0], parts[1]);
    }

    #[test]
    fn a_folder_without_photos_says_what_was_looked_for() {
        let folder = folder_with(&["a.gif", "b.png"]);
        let error = find_photos(folder.path()).unwrap_err().to_string();
        assert!(error.contains("found 1 file ending in jpg, jpeg, png"), "{error}");
        let missing = find_photos(&folder.path().join("none")).unwrap_err();
        assert!(format!("{missing:#}").contains("none`: "), "{missing:#}");
    }
}
