//! Image files: which there are, and their sizes, each header read once.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result as Fallible};

use crate::data::photo::header::image_size;
use crate::data::problem::{Fault, Problem};
use crate::geometry::Size;

/// File name extensions of photos, in lower case.
pub(crate) const EXTENSIONS: [&str; 7] = ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff"];

/// All photos in a folder and the folders below it, sorted by path.
///
/// # Errors
/// When a folder cannot be read.
pub(crate) fn photos_below(folder: &Path) -> Fallible<Vec<PathBuf>> {
    let mut photos = Vec::new();
    collect(folder, &mut photos)?;
    photos.sort();
    Ok(photos)
}

fn collect(folder: &Path, photos: &mut Vec<PathBuf>) -> Fallible<()> {
    let context = || format!("looking for photos in `{}`", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let path = entry.path();
        let kind = entry.file_type().with_context(context)?;
        // A linked file counts, a linked folder does not: it could lead in circles.
        if kind.is_dir() {
            collect(&path, photos)?;
        } else if is_photo(&path) && (kind.is_file() || path.is_file()) {
            photos.push(path);
        }
    }
    Ok(())
}

fn is_photo(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()))
}

/// Sizes that were asked for; may be shared by threads.
#[derive(Debug, Default)]
pub(crate) struct ImageSizes {
    known: Mutex<HashMap<PathBuf, Result<Size, Problem>>>,
}

impl ImageSizes {
    /// The size of an image, or why there is none.
    pub(crate) fn of(&self, path: &Path) -> Result<Size, Problem> {
        let known = |sizes: &HashMap<PathBuf, Result<Size, Problem>>| sizes.get(path).cloned();
        if let Some(size) = self.known.lock().ok().and_then(|sizes| known(&sizes)) {
            return size;
        }
        let size = if path.is_file() {
            image_size(path).map_err(|error| {
                Problem::of_file(Fault::Unreadable, path, error.root_cause().to_string())
            })
        } else {
            Err(Problem::of_file(Fault::Missing, path, "no such image"))
        };
        if let Ok(mut sizes) = self.known.lock() {
            sizes.insert(path.to_owned(), size.clone());
        }
        size
    }
}
