//! The sizes of image files, each header read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::formats::{Fault, Problem};
use super::photo::image_size;
use crate::geometry::Size;

/// Sizes that were asked for; may be shared by threads.
#[derive(Debug, Default)]
pub struct ImageSizes {
    known: Mutex<HashMap<PathBuf, Result<Size, Problem>>>,
}

impl ImageSizes {
    /// The size of an image, or why there is none.
    pub fn of(&self, path: &Path) -> Result<Size, Problem> {
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
