//! A photo made ready: its size, the network's frame and, where an output shows it, its pixels.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::RgbImage;
use image::imageops::flip_horizontal_in_place;

use crate::data::photo::file::PhotoFile;
use crate::data::photo::orientation::Exif;
use crate::data::photo::{decode_annotated, decode_photo};
use crate::geometry::Size;
use crate::inference::frame::{Frame, FrameKey, Input};
use crate::predict::content::Content;
use crate::visible::Shown;

/// A photo made ready.
#[derive(Clone, Debug)]
pub(crate) struct Photo {
    /// The file.
    pub path: PathBuf,
    /// What the file held when it was read.
    pub content: Content,
    /// The photo's size, as it is turned.
    pub size: Size,
    /// The photo in the network's square.
    pub frame: Frame,
    /// The photo itself, if it was asked for.
    pixels: Option<RgbImage>,
}

impl Photo {
    /// Reads a photo, from a pipe too; `keep_pixels` says whether an output will show it.
    ///
    /// # Errors
    /// When the file cannot be read or is no image.
    pub(crate) fn read(path: &Path, exif: Exif, input: Input, keep_pixels: bool) -> Result<Self> {
        let file = PhotoFile::read(path)?;
        let content = Content::of(&file.bytes);
        let shown = decode_photo(&file, exif, !keep_pixels)?;
        Ok(Self {
            frame: input.frame(key(path)?, &shown.pixels),
            path: file.path,
            content,
            size: shown.size,
            pixels: keep_pixels.then_some(shown.pixels),
        })
    }

    /// A benchmark's photo, read as evaluations do, with its pixels; mirrored if the key says so.
    ///
    /// # Errors
    /// When the file cannot be read or is no image.
    pub(crate) fn annotated(key: FrameKey, exif: Exif, input: Input) -> Result<Self> {
        let path = key.path.clone();
        let content = Content::of_file(&path)
            .with_context(|| format!("decoding image `{}`", path.shown()))?;
        let mut pixels = decode_annotated(&path, exif)?;
        let frame = input.frame(key, &pixels);
        if frame.key.mirrored {
            flip_horizontal_in_place(&mut pixels);
        }
        let size = Size::new(pixels.height() as usize, pixels.width() as usize);
        Ok(Self { path, content, size, frame, pixels: Some(pixels) })
    }

    /// The photo's pixels.
    ///
    /// # Errors
    /// When they were not kept.
    pub(crate) fn pixels(&self) -> Result<&RgbImage> {
        self.pixels
            .as_ref()
            .with_context(|| format!("the pixels of `{}` were not kept", self.path.shown()))
    }
}

/// One key for one file, however its path is spelled. A pipe has no path of its own, and is none that could be
/// named twice.
fn key(path: &Path) -> Result<FrameKey> {
    let path = std::fs::canonicalize(path)
        .or_else(|_| std::path::absolute(path))
        .with_context(|| format!("reading image `{}`", path.shown()))?;
    Ok(FrameKey { path, mirrored: false })
}
