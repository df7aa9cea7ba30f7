//! Photos as 8-bit RGB: decoding, orientation, transparency, and limits against hostile files.
//!
//! The format is told from the content, never from the file's name.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use crate::geometry::Size;

/// The longest side that is decoded, in pixels.
pub const LONGEST_SIDE: u32 = 16_384;

/// A decoded image of the longest sides in 16-bit RGBA.
const MOST_DECODED_BYTES: u64 = LONGEST_SIDE as u64 * LONGEST_SIDE as u64 * 8;

/// Room for what decoders need beside the result.
const MOST_FILE_BYTES: u64 = MOST_DECODED_BYTES + (256 << 20);

/// The formats that are read, for messages.
const FORMATS: &str = "JPEG, PNG, WebP, BMP or TIFF";

/// A user's photo as a viewer shows it: turned as its EXIF orientation says, composited on white
/// where it is transparent.
///
/// # Errors
/// When the file is missing, holds no image in a known format, is damaged or cut off, or is larger
/// than [`LONGEST_SIDE`].
pub fn decode_photo(path: &Path) -> Result<RgbImage> {
    let (mut image, orientation) = decode(path)?;
    image.apply_orientation(orientation);
    Ok(if image.color().has_alpha() { composite_on_white(&image) } else { image.into_rgb8() })
}

/// A benchmark's photo as the field's readers (`PIL.Image.open(path).convert("RGB")`) see it: EXIF
/// orientation ignored, an alpha channel dropped.
///
/// # Errors
/// As [`decode_photo`].
pub fn decode_benchmark(path: &Path) -> Result<RgbImage> {
    decode(path).map(|(image, _)| image.into_rgb8())
}

/// A photo's size as stored (EXIF orientation ignored), from its header alone.
///
/// # Errors
/// When the file is missing, holds no image in a known format, or is larger than [`LONGEST_SIDE`].
pub fn image_size(path: &Path) -> Result<Size> {
    let attempt = || -> Result<Size> {
        let (format, file) = open(path)?;
        let (width, height) = decoder(format, file)?.dimensions();
        Ok(Size::new(height as usize, width as usize))
    };
    attempt().with_context(|| format!("reading the size of image `{}`", path.display()))
}

/// The image as stored, and how it is to be turned.
fn decode(path: &Path) -> Result<(DynamicImage, Orientation)> {
    let attempt = || -> Result<(DynamicImage, Orientation)> {
        let (format, file) = open(path)?;
        let mut bytes = Vec::new();
        file.take(MOST_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        ensure!(bytes.len() as u64 <= MOST_FILE_BYTES, "the file is too large for an image");
        let mut decoder = decoder(format, Cursor::new(&bytes))?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        // The decoder would fill what is missing with grey.
        ensure!(
            format != ImageFormat::Jpeg || reaches_end_of_image(&bytes),
            "the JPEG stops before its end marker, so part of the picture is missing: copy or \
             download it again"
        );
        let image = DynamicImage::from_decoder(decoder)
            .context("the file is damaged or cut off: copy or download it again")?;
        Ok((image, orientation))
    };
    attempt().with_context(|| format!("decoding image `{}`", path.display()))
}

/// An image file at its start, and the format that its first bytes tell.
fn open(path: &Path) -> Result<(ImageFormat, BufReader<File>)> {
    let file = File::open(path)?;
    ensure!(!file.metadata()?.is_dir(), "this is a folder, not an image file");
    let mut reader = BufReader::new(file);
    let start = reader.fill_buf()?;
    ensure!(!start.is_empty(), "the file is empty");
    match image::guess_format(start) {
        Ok(format) if format.reading_enabled() => Ok((format, reader)),
        _ => bail!("the content is not {FORMATS}: convert it to one of these"),
    }
}

/// A decoder that has read the header and nothing else.
fn decoder<'a>(
    format: ImageFormat,
    bytes: impl BufRead + Seek + 'a,
) -> Result<impl ImageDecoder + 'a> {
    let mut reader = ImageReader::with_format(bytes, format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_FILE_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().context("the file is damaged or cut off")?;
    let (width, height) = decoder.dimensions();
    ensure!(
        width.max(height) <= LONGEST_SIDE,
        "the image is {width}x{height} pixels and no side may exceed {LONGEST_SIDE}: scale it down"
    );
    ensure!(width.min(height) > 0, "the image is {width}x{height} pixels: it has no content");
    Ok(decoder)
}

/// Whether the marker structure of a JPEG runs through to its end-of-image marker.
fn reaches_end_of_image(bytes: &[u8]) -> bool {
    const END_OF_IMAGE: u8 = 0xD9;
    let mut rest = bytes;
    loop {
        // Everything up to the next marker is entropy-coded data or padding.
        let Some(start) = rest.iter().position(|&byte| byte == 0xFF) else { return false };
        let Some(&marker) = rest.get(start + 1) else { return false };
        rest = match marker {
            END_OF_IMAGE => return true,
            0xFF => &rest[start + 1..],
            // Stuffed zero, restart markers, start of image: no segment follows.
            0x00 | 0x01 | 0xD0..=0xD8 => &rest[start + 2..],
            _ => {
                let Some(length) = rest.get(start + 2..start + 4) else { return false };
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                let Some(rest) = rest.get(start + 2 + length..) else { return false };
                rest
            }
        };
    }
}

/// What shows of a transparent image on white paper, rounded once from the stored depth to 8 bits.
fn composite_on_white(image: &DynamicImage) -> RgbImage {
    const WHITE: u64 = u16::MAX as u64;
    let mut result = RgbImage::new(image.width(), image.height());
    if let DynamicImage::ImageRgba8(_) | DynamicImage::ImageLumaA8(_) = image {
        for (pixel, shown) in image.to_rgba8().pixels().zip(result.pixels_mut()) {
            let [red, green, blue, alpha] = pixel.0.map(u32::from);
            shown.0 = [red, green, blue]
                .map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
        }
        return result;
    }
    for (pixel, shown) in image.to_rgba16().pixels().zip(result.pixels_mut()) {
        let [red, green, blue, alpha] = pixel.0.map(u64::from);
        shown.0 = [red, green, blue].map(|value| {
            let mixed = value * alpha + WHITE * (WHITE - alpha);
            ((mixed * 255 + WHITE * WHITE / 2) / (WHITE * WHITE)) as u8
        });
    }
    result
}
