//! A photo made ready: its size, the network's frame and, where an output shows it, its pixels.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::RgbImage;

use crate::data::photo::decode_photo;
use crate::geometry::Size;
use crate::inference::frame::{Frame, FrameKey, Input};

/// A photo made ready.
#[derive(Clone, Debug)]
pub(crate) struct Photo {
    /// The file.
    pub path: PathBuf,
    /// The photo's size, upright.
    pub size: Size,
    /// The photo in the network's square.
    pub frame: Frame,
    /// The photo itself, if it was asked for.
    pixels: Option<RgbImage>,
}

impl Photo {
    /// Reads a photo; `keep_pixels` says whether an output will show it.
    ///
    /// # Errors
    /// When the file cannot be read or is no image.
    pub(crate) fn read(path: &Path, input: Input, keep_pixels: bool) -> Result<Self> {
        let pixels = decode_photo(path)?;
        Ok(Self {
            path: path.to_owned(),
            size: Size::new(pixels.height() as usize, pixels.width() as usize),
            frame: input.frame(key(path)?, &pixels),
            pixels: keep_pixels.then_some(pixels),
        })
    }

    /// The photo's pixels.
    ///
    /// # Errors
    /// When they were not kept.
    pub(crate) fn pixels(&self) -> Result<&RgbImage> {
        self.pixels
            .as_ref()
            .with_context(|| format!("the pixels of `{}` were not kept", self.path.display()))
    }
}

/// One key for one file, however its path is spelled.
fn key(path: &Path) -> Result<FrameKey> {
    let path = std::fs::canonicalize(path)
        .with_context(|| format!("reading image `{}`", path.display()))?;
    Ok(FrameKey { path, mirrored: false })
}
