//! What the `image` crate decodes.

use std::io::{BufRead, Cursor, Seek};

use anyhow::Result;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits};

use crate::data::photo::limit::{ensure_decodable, most_bytes};
use crate::data::photo::stored::Stored;
use crate::data::photo::trouble::explained;
use crate::geometry::Size;

/// A picture in a format that the `image` crate decodes.
///
/// # Errors
/// When the file is damaged or cut off, of a rare kind, or beyond the limits.
pub(super) fn by_image(format: ImageFormat, bytes: &[u8]) -> Result<Stored> {
    let mut decoder = decoder(format, Cursor::new(bytes))?;
    let size = size_of(&decoder);
    ensure_decodable(size, bytes_per_pixel(format, bytes, &decoder))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(explained)?;
    Ok(Stored { image, size, orientation })
}

/// What decoding takes for each pixel. WebP's decoder holds the picture twice, in four colours where it is lossless,
/// whatever is asked of it.
fn bytes_per_pixel(format: ImageFormat, bytes: &[u8], decoder: &impl ImageDecoder) -> u64 {
    let result = u64::from(decoder.color_type().bytes_per_pixel());
    match (format, bytes.get(12..16)) {
        (ImageFormat::WebP, Some(b"VP8 ")) => result + 2,
        (ImageFormat::WebP, _) => result + 5,
        _ => result,
    }
}

/// A decoder that has read the header and nothing else.
///
/// # Errors
/// When the file is damaged or cut off, or of a rare kind.
pub(super) fn decoder<'a>(
    format: ImageFormat,
    bytes: impl BufRead + Seek + 'a,
) -> Result<impl ImageDecoder + 'a> {
    limited(format, bytes).map_err(explained)
}

/// The same with the crate's own error.
///
/// # Errors
/// As [`decoder`].
pub(super) fn limited<'a>(
    format: ImageFormat,
    bytes: impl BufRead + Seek + 'a,
) -> ImageResult<impl ImageDecoder + 'a> {
    let mut reader = ImageReader::with_format(bytes, format);
    let mut limits = Limits::no_limits();
    // Room for what decoders need beside the result.
    limits.max_alloc = Some(most_bytes().saturating_add(256 << 20));
    reader.limits(limits);
    reader.into_decoder()
}

/// The size that a decoder read.
pub(super) fn size_of(decoder: &impl ImageDecoder) -> Size {
    let (width, height) = decoder.dimensions();
    Size::new(height as usize, width as usize)
}
