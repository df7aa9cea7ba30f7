//! Folders and photos for tests.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};

/// A folder for one test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty folder.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path in the folder, as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes a photo in the format of its ending.
    pub fn photo(&self, name: &str, width: u32, height: u32) -> String {
        photo(width, height).save(self.path(name)).unwrap();
        self.text(name)
    }
}

/// A colourful picture without repetition: blobs of three sizes on a gradient.
pub fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let blob = |centre_x: f64, centre_y: f64, radius: f64| {
            let distance = (u - centre_x).hypot(v - centre_y) / radius;
            120.0 * (-distance * distance).exp()
        };
        Rgb([
            (60.0 * u + blob(0.3, 0.4, 0.2) + 40.0) as u8,
            (80.0 * v + blob(0.7, 0.3, 0.12) + 30.0) as u8,
            (60.0 * (1.0 - u) + blob(0.55, 0.75, 0.08) + 50.0) as u8,
        ])
    })
}

/// Writes a file into a folder; its path.
pub fn write(folder: &Folder, name: &str, content: impl AsRef<[u8]>) -> String {
    std::fs::write(folder.path(name), content).unwrap();
    folder.text(name)
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
