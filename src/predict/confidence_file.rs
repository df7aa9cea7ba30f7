//! The files a confidence map can be kept in.

use std::path::Path;

use anyhow::Result;
use image::{GrayImage, Luma};

use crate::atomic;
use crate::geometry::Size;
use crate::predict::flow_file::{numpy, pfm};
use crate::predict::picture::{self, PictureFormat};

/// A file format for a confidence map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfidenceFormat {
    /// Grey picture, black 0 and white 1.
    Picture(PictureFormat),
    /// NumPy `.npy`: `[H, W]`, float32.
    Npy,
    /// Portable float map of one channel.
    Pfm,
}

/// Every format with the end of its file names.
pub const ENDINGS: [(&str, ConfidenceFormat); picture::ENDINGS.len() + 2] = [
    ("png", ConfidenceFormat::Picture(PictureFormat::Png)),
    ("jpg", ConfidenceFormat::Picture(PictureFormat::Jpeg)),
    ("jpeg", ConfidenceFormat::Picture(PictureFormat::Jpeg)),
    ("webp", ConfidenceFormat::Picture(PictureFormat::Webp)),
    ("npy", ConfidenceFormat::Npy),
    ("pfm", ConfidenceFormat::Pfm),
];

/// Writes the confidence at each pixel of a grid.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, format: ConfidenceFormat, size: Size, values: &[f32]) -> Result<()> {
    atomic::write(path, |file| match format {
        ConfidenceFormat::Npy => numpy::write_map(file, size, values),
        ConfidenceFormat::Pfm => pfm::write_map(file, size, values),
        ConfidenceFormat::Picture(format) => {
            let picture = GrayImage::from_fn(size.width as u32, size.height as u32, |x, y| {
                let value = values[y as usize * size.width + x as usize];
                Luma([(value * 255.0).round() as u8])
            });
            format.encode(file, picture)
        }
    })
}
