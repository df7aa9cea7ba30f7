//! What an image file says of itself before its pixels: the format, told from the content and never from the
//! file's name, the size, and limits against hostile files.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use image::{ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::geometry::Size;

/// The longest side that is decoded, in pixels.
pub(crate) const LONGEST_SIDE: u32 = 16_384;

/// A decoded image of the longest sides in 16-bit RGBA.
const MOST_DECODED_BYTES: u64 = LONGEST_SIDE as u64 * LONGEST_SIDE as u64 * 8;

/// Room for what decoders need beside the result.
pub(super) const MOST_FILE_BYTES: u64 = MOST_DECODED_BYTES + (256 << 20);

/// The formats that are read, for messages.
const FORMATS: &str = "JPEG, PNG, WebP, BMP or TIFF";

/// What the user can do about a file that does not decode.
pub(super) const DAMAGED: &str = "the file is damaged or cut off: copy or download it again";

/// A photo's size as stored (EXIF orientation ignored), from its header alone.
///
/// # Errors
/// When the file is missing, holds no image in a known format, or is larger than [`LONGEST_SIDE`].
pub(crate) fn image_size(path: &Path) -> Result<Size> {
    let attempt = || -> Result<Size> {
        let (format, file) = open(path)?;
        let (width, height) = decoder(format, file)?.dimensions();
        Ok(Size::new(height as usize, width as usize))
    };
    attempt().with_context(|| format!("reading the size of image `{}`", path.display()))
}

/// An image file at its start, and the format that its first bytes tell.
pub(super) fn open(path: &Path) -> Result<(ImageFormat, BufReader<File>)> {
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
pub(super) fn decoder<'a>(
    format: ImageFormat,
    bytes: impl BufRead + Seek + 'a,
) -> Result<impl ImageDecoder + 'a> {
    let mut reader = ImageReader::with_format(bytes, format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_FILE_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().context(DAMAGED)?;
    let (width, height) = decoder.dimensions();
    ensure!(
        width.max(height) <= LONGEST_SIDE,
        "the image is {width}x{height} pixels and no side may exceed {LONGEST_SIDE}: scale it down"
    );
    ensure!(width.min(height) > 0, "the image is {width}x{height} pixels: it has no content");
    Ok(decoder)
}
