//! A photo made ready: its size, the network's frame and, where an output shows it, its pixels.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::RgbImage;
use image::imageops::flip_horizontal_in_place;

use crate::data::photo::file::PhotoFile;
use crate::data::photo::orientation::Exif;
use crate::data::photo::{decode_annotated, decode_photo};
use crate::geometry::{Size, Turn};
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
    /// The photo in the network's square, as it is first.
    frames: Vec<(Turn, Frame)>,
    /// The photo itself, if it was asked for.
    pixels: Option<RgbImage>,
}

impl Photo {
    /// Reads a photo, from a pipe too; `keep_pixels` says whether an output will show it, `turns` how it will be
    /// matched beside as it is.
    ///
    /// # Errors
    /// When the file cannot be read or is no image.
    pub(crate) fn read(
        path: &Path,
        exif: Exif,
        input: Input,
        keep_pixels: bool,
        turns: &[Turn],
    ) -> Result<Self> {
        let file = PhotoFile::read(path)?;
        let content = Content::of(&file.bytes);
        let shown = decode_photo(&file, exif, !keep_pixels)?;
        let key = key(path)?;
        let others = turns.iter().filter(|turn| **turn != Turn::NONE);
        let frame = |turn: &Turn| {
            (*turn, input.frame(FrameKey { turn: *turn, ..key.clone() }, &shown.pixels))
        };
        Ok(Self {
            frames: std::iter::once(&Turn::NONE).chain(others).map(frame).collect(),
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
        if frame.key.turn.mirrored {
            flip_horizontal_in_place(&mut pixels);
        }
        let size = Size::new(pixels.height() as usize, pixels.width() as usize);
        // As it is shown is as it is.
        let frames = vec![(Turn::NONE, frame)];
        Ok(Self { path, content, size, frames, pixels: Some(pixels) })
    }

    /// The photo in the network's square, turned.
    ///
    /// # Panics
    /// When it was not read so.
    pub(crate) fn frame(&self, turn: Turn) -> &Frame {
        let frame = self.frames.iter().find(|(known, _)| *known == turn);
        &frame.expect("whoever turns a photo reads it so").1
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
    Ok(FrameKey::of(path))
}
