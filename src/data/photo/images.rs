//! Image files: which there are, and their sizes, each header read once.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result as Fallible};

use crate::data::photo::orientation::{Exif, Turn, stored_size};
use crate::data::problem::{Fault, Problem};
use crate::geometry::Size;
use crate::visible::Shown;

/// File name extensions of photos, in lower case.
pub(crate) const EXTENSIONS: [&str; 9] =
    ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "heic", "heif"];

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
    let context = || format!("looking for photos in `{}`", folder.shown());
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
    exif: Exif,
    known: Mutex<HashMap<PathBuf, Known>>,
}

/// A size as stored and the orientation, or why there is none.
type Known = Result<(Size, Turn), Problem>;

impl ImageSizes {
    /// Sizes of photos whose EXIF orientation is treated so.
    pub(crate) fn new(exif: Exif) -> Self {
        Self { exif, ..Self::default() }
    }

    /// The size of an image, or why there is none.
    pub(crate) fn of(&self, path: &Path) -> Result<Size, Problem> {
        let (stored, turn) = self.stored(path)?;
        Ok(match self.exif {
            Exif::Ignore => stored,
            Exif::Apply => turn.turned(stored),
        })
    }

    /// For an image of another size than annotated, what its EXIF orientation has to do with that.
    pub(crate) fn hint(&self, path: &Path, annotated: Size) -> String {
        match (self.stored(path), self.exif) {
            (Ok((stored, turn)), Exif::Ignore) if turn.turned(stored) == annotated => {
                format!("; its EXIF orientation {turn} turns it to that (--exif apply)")
            }
            (Ok((stored, turn)), Exif::Apply) if stored == annotated => {
                format!("; its EXIF orientation {turn} turned it from that (--exif ignore)")
            }
            _ => String::new(),
        }
    }

    /// The images whose EXIF orientation is not upright, of those that were asked for.
    pub(crate) fn turned(&self) -> BTreeMap<PathBuf, Turn> {
        let turned = |(path, known): (&PathBuf, &Known)| {
            let (_, turn) = known.as_ref().ok()?;
            (!turn.is_upright()).then(|| (path.clone(), *turn))
        };
        self.known.lock().map(|known| known.iter().filter_map(turned).collect()).unwrap_or_default()
    }

    fn stored(&self, path: &Path) -> Known {
        let known = |sizes: &HashMap<PathBuf, Known>| sizes.get(path).cloned();
        if let Some(size) = self.known.lock().ok().and_then(|sizes| known(&sizes)) {
            return size;
        }
        let size = if path.is_file() {
            stored_size(path).map_err(|error| {
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
