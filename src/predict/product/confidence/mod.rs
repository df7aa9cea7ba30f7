//! How far each match can be trusted, as a map.

mod picture;

use std::path::Path;

use anyhow::Result;
use image::{GrayImage, Luma};

use crate::drawing::Drawing;
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;
use crate::predict::format::picture::PictureFormat;
use crate::predict::format::{numpy, pfm};
use crate::predict::product::Product;

/// The confidence at each pixel.
#[derive(Debug)]
pub(crate) struct Confidence;

/// A file format for a confidence map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfidenceFormat {
    /// Colours over the photo, with their scale: to look at.
    Picture(PictureFormat),
    /// Grey picture, black 0 and white 1: for programs.
    Grey,
    /// NumPy `.npy`: `[H, W]`, float32.
    Npy,
    /// Portable float map of one channel.
    Pfm,
}

impl Product for Confidence {
    type Format = ConfidenceFormat;

    const NAME: &'static str = "confidence";
    const HELP: &'static str = "Write how far each match can be trusted, 0 to 1";
    const DETAILS: Option<&'static str> = Some(
        "Pictures show it in colours over the source photo, with their scale. For programs are .grey.png, a plain grey \
         map, black 0 and white 1, and the numbers in .npy and .pfm, on the pixels that --size says.",
    );
    const ENDINGS: &'static [(&'static str, ConfidenceFormat)] = &[
        ("grey.png", ConfidenceFormat::Grey),
        ("png", ConfidenceFormat::Picture(PictureFormat::Png)),
        ("jpg", ConfidenceFormat::Picture(PictureFormat::Jpeg)),
        ("jpeg", ConfidenceFormat::Picture(PictureFormat::Jpeg)),
        ("webp", ConfidenceFormat::Picture(PictureFormat::Webp)),
        ("npy", ConfidenceFormat::Npy),
        ("pfm", ConfidenceFormat::Pfm),
    ];
    const EXAMPLE: &'static str = "npy";

    fn needs_photos(format: ConfidenceFormat, _drawing: Drawing) -> bool {
        matches!(format, ConfidenceFormat::Picture(_))
    }

    fn needs(_format: ConfidenceFormat, _drawing: Drawing) -> Needs {
        Needs::Confidence
    }

    fn write(format: ConfidenceFormat, context: &Context, path: &Path) -> Result<Written> {
        output::write(path, |file| match format {
            ConfidenceFormat::Npy => numpy::write_map(file, context.grid(), context.confidence()),
            ConfidenceFormat::Pfm => pfm::write_map(file, context.grid(), context.confidence()),
            ConfidenceFormat::Grey => PictureFormat::Png.encode(file, grey(context)),
            ConfidenceFormat::Picture(format) => {
                format.encode(file, picture::draw(context.pair, context.source.pixels()?))
            }
        })?;
        Ok(Written::default())
    }
}

fn grey(context: &Context) -> GrayImage {
    let (size, values) = (context.grid(), context.confidence());
    GrayImage::from_fn(size.width as u32, size.height as u32, |x, y| {
        let value = values[y as usize * size.width + x as usize];
        Luma([(value * 255.0).round() as u8])
    })
}
