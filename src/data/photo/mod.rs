//! Photos as 8-bit RGB: decoding, orientation, transparency.

pub(crate) mod file;
mod format;
pub(crate) mod header;
mod heic;
pub(crate) mod images;
pub(crate) mod jpeg;
pub(crate) mod labels;
pub(crate) mod limit;
pub(crate) mod orientation;
mod plain;
pub(crate) mod resize;
pub(crate) mod resize_opencv;
pub(crate) mod sample;
mod stored;
mod tiff;
mod trouble;

use std::path::Path;

use anyhow::{Context, Result};
use image::{DynamicImage, ImageFormat, RgbImage};

use crate::data::photo::file::PhotoFile;
use crate::data::photo::format::{PhotoFormat, START};
use crate::data::photo::orientation::{Exif, Turn};
use crate::data::photo::stored::Stored;
use crate::geometry::Size;
use crate::visible::Shown as _;

/// A user's photo.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The pixels; fewer than `size` says where a smaller picture was enough.
    pub pixels: RgbImage,
    /// The photo's size.
    pub size: Size,
}

/// A user's photo as a viewer shows it: turned as its EXIF orientation says, if that is wanted, and composited
/// on white where it is transparent. Where only `any_size` is asked for, a JPEG beyond the limits comes smaller.
///
/// # Errors
/// When the file holds no image in a known format, is damaged or cut off, or is beyond the [`limit`]s.
pub(crate) fn decode_photo(file: &PhotoFile, exif: Exif, any_size: bool) -> Result<Shown> {
    let Stored { mut image, mut size, orientation } = decode(file, any_size)?;
    if exif == Exif::Apply {
        image.apply_orientation(orientation);
        size = Turn::from(orientation).turned(size);
    }
    let pixels =
        if image.color().has_alpha() { composite_on_white(image) } else { image.into_rgb8() };
    Ok(Shown { pixels, size })
}

/// A benchmark's photo as the field's readers (`PIL.Image.open(path).convert("RGB")`) see it: EXIF
/// orientation ignored, an alpha channel dropped.
///
/// # Errors
/// As [`decode_photo`], and when the file cannot be read.
pub(crate) fn decode_benchmark(path: &Path) -> Result<RgbImage> {
    decode_annotated(path, Exif::Ignore)
}

/// As [`decode_benchmark`], the EXIF orientation applied if that is wanted.
///
/// # Errors
/// As [`decode_photo`].
pub(crate) fn decode_annotated(path: &Path, exif: Exif) -> Result<RgbImage> {
    let Stored { mut image, orientation, .. } = decode(&PhotoFile::read(path)?, false)?;
    if exif == Exif::Apply {
        image.apply_orientation(orientation);
    }
    Ok(image.into_rgb8())
}

/// A picture to draw with: as stored, with its transparency.
///
/// # Errors
/// As [`decode_benchmark`].
pub(crate) fn decode_picture(path: &Path) -> Result<DynamicImage> {
    let file = PhotoFile::read(path)?;
    let stored = match PhotoFormat::of(&file.bytes[..file.bytes.len().min(START)]) {
        // Datasets have always been drawn with these pixels, and are to come out the same.
        Ok(PhotoFormat::Jpeg) => plain::by_image(ImageFormat::Jpeg, &file.bytes)
            .with_context(|| format!("decoding image `{}`", path.shown())),
        _ => decode(&file, false),
    };
    stored.map(|stored| stored.image)
}

/// A picture that is drawn on a photo: with its transparency, its EXIF orientation applied if that is wanted.
///
/// # Errors
/// As [`decode_photo`], and when the file cannot be read.
pub(crate) fn decode_drawn(file: &PhotoFile, exif: Exif) -> Result<DynamicImage> {
    let Stored { mut image, orientation, .. } = decode(file, false)?;
    if exif == Exif::Apply {
        image.apply_orientation(orientation);
    }
    Ok(image)
}

/// The image as stored, and how it is to be turned.
fn decode(file: &PhotoFile, any_size: bool) -> Result<Stored> {
    let bytes = &file.bytes;
    let attempt = || match PhotoFormat::of(&bytes[..bytes.len().min(START)])? {
        PhotoFormat::Jpeg => jpeg::decode(bytes, any_size),
        PhotoFormat::Tiff => tiff::decode(bytes),
        PhotoFormat::Heic => heic::decode(bytes),
        PhotoFormat::Plain(format) => plain::by_image(format, bytes),
    };
    attempt().with_context(|| format!("decoding image `{}`", file.path.shown()))
}

/// What shows of a transparent image on white paper, rounded once from the stored depth to 8 bits.
fn composite_on_white(image: DynamicImage) -> RgbImage {
    const WHITE: u64 = u16::MAX as u64;
    let mut result = RgbImage::new(image.width(), image.height());
    if let DynamicImage::ImageRgba8(_) | DynamicImage::ImageLumaA8(_) = image {
        for (pixel, shown) in image.into_rgba8().pixels().zip(result.pixels_mut()) {
            let [red, green, blue, alpha] = pixel.0.map(u32::from);
            shown.0 = [red, green, blue]
                .map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
        }
        return result;
    }
    for (pixel, shown) in image.into_rgba16().pixels().zip(result.pixels_mut()) {
        let [red, green, blue, alpha] = pixel.0.map(u64::from);
        shown.0 = [red, green, blue].map(|value| {
            let mixed = value * alpha + WHITE * (WHITE - alpha);
            ((mixed * 255 + WHITE * WHITE / 2) / (WHITE * WHITE)) as u8
        });
    }
    result
}

#[cfg(test)]
mod tests;
