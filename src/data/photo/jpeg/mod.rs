//! JPEG pixels equal to libjpeg-turbo's: exact integer transform, smooth chroma upsampling.

pub(crate) mod header;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, Result, anyhow, bail};
use image::{DynamicImage, ImageFormat, RgbImage};
use mozjpeg::{ColorSpace, Decompress};

use crate::data::photo::jpeg::header::JpegHeader;
use crate::data::photo::limit::{self, LONGEST_SIDE};
use crate::data::photo::plain::by_image;
use crate::data::photo::stored::Stored;
use crate::data::photo::trouble::{DAMAGED, unsupported};
use crate::geometry::Size;

/// Bytes of a decoded pixel.
const BYTES: u64 = 3;

/// The picture of a JPEG file. Where only `any_size` is asked for, a photo beyond the limits comes at a half,
/// a quarter or an eighth of its size, which the format offers.
///
/// # Errors
/// When the file is damaged or cut off, of a rare kind, or beyond the limits.
pub(super) fn decode(bytes: &[u8], any_size: bool) -> Result<Stored> {
    let header = JpegHeader::read(Cursor::new(bytes)).context(DAMAGED)?;
    let eighths = eighths(&header, any_size)?;
    if let Some(what) = header.unsupported() {
        bail!(unsupported(&what));
    }
    let image = match pixels(bytes, eighths)? {
        Some(image) => DynamicImage::from(image),
        None => by_image(ImageFormat::Jpeg, bytes)?.image,
    };
    Ok(Stored { image, size: header.size, orientation: header.orientation() })
}

/// The largest size within the limits, in eighths of a side.
fn eighths(header: &JpegHeader, any_size: bool) -> Result<u8> {
    let Size { height, width } = header.size;
    let fits = |eighths: u8| {
        let side = |side: usize| (side * usize::from(eighths)).div_ceil(8);
        let size = Size::new(side(height), side(width));
        let bytes = header.coefficient_bytes() + BYTES * size.area() as u64;
        size.longer_side() <= LONGEST_SIDE && limit::ensure_bytes(header.size, bytes).is_ok()
    };
    match [8, 4, 2, 1].into_iter().find(|eighths| fits(*eighths)) {
        Some(8) => Ok(8),
        Some(eighths) if any_size => Ok(eighths),
        _ => {
            limit::ensure_sides(header.size)?;
            let pixels = BYTES * header.size.area() as u64;
            limit::ensure_bytes(header.size, header.coefficient_bytes() + pixels)?;
            Ok(8)
        }
    }
}

/// The pixels of a JPEG file, so many eighths of its size; `None` for colour spaces that libjpeg does not
/// convert to RGB (CMYK).
///
/// # Errors
/// When the file is damaged, or stops before its end marker.
fn pixels(bytes: &[u8], eighths: u8) -> Result<Option<RgbImage>> {
    // The decoder would fill what is missing with grey.
    if !reaches_end_of_image(bytes) {
        let missing = "the JPEG stops before its end marker, so a part of the picture is missing";
        return Err(anyhow!(missing).context(DAMAGED));
    }
    // libjpeg's fatal errors arrive as panics that carry a message and print nothing.
    match catch_unwind(AssertUnwindSafe(|| decode_or_unwind(bytes, eighths))) {
        Ok(image) => image.context(DAMAGED),
        Err(payload) => match payload.downcast::<String>() {
            Ok(message) if is_of_a_rare_kind(&message) => bail!(unsupported(&message)),
            Ok(message) => Err(anyhow!(*message).context(DAMAGED)),
            Err(_) => Err(anyhow!("libjpeg gave up").context(DAMAGED)),
        },
    }
}

/// Whether libjpeg's message says that it cannot do what a sound file asks for.
fn is_of_a_rare_kind(message: &str) -> bool {
    ["nsupported", "not implemented", "ot supported", "Too many color"]
        .iter()
        .any(|part| message.contains(part))
}

fn decode_or_unwind(bytes: &[u8], eighths: u8) -> Result<Option<RgbImage>> {
    let mut decoder = Decompress::new_mem(bytes)?;
    if matches!(decoder.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK) {
        return Ok(None);
    }
    if eighths != 8 {
        decoder.scale(eighths);
    }
    let mut decoder = decoder.rgb()?;
    let size = (u32::try_from(decoder.width())?, u32::try_from(decoder.height())?);
    let pixels = decoder.read_scanlines()?;
    decoder.finish()?;
    RgbImage::from_raw(size.0, size.1, pixels).context("libjpeg left rows out").map(Some)
}

/// Whether the marker structure runs through to the end-of-image marker.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Files and checksums: `tests/golden/jpeg/generate.py`.
    macro_rules! golden {
        ($name:literal) => {
            include_bytes!(concat!("../../../../tests/golden/jpeg/", $name, ".jpg")).as_slice()
        };
    }

    fn checksum(bytes: &[u8]) -> u64 {
        let image = pixels(bytes, 8).unwrap().unwrap();
        assert_eq!(image.dimensions(), (37, 29));
        let values = image.as_raw().iter().enumerate();
        values.map(|(index, &value)| (index as u64 % 9973 + 1) * u64::from(value)).sum()
    }

    #[test]
    fn pixels_equal_libjpeg_turbo() {
        assert_eq!(checksum(golden!("subsampled")), 672582842);
        assert_eq!(checksum(golden!("half_subsampled")), 673184269);
        assert_eq!(checksum(golden!("full")), 672776255);
        assert_eq!(checksum(golden!("progressive")), 672360131);
        assert_eq!(checksum(golden!("grey")), 671963844);
    }

    #[test]
    fn arithmetic_coding_and_odd_sampling_are_decoded() {
        assert_eq!(checksum(golden!("arithmetic")), 672582842);
        assert_eq!(checksum(golden!("three_by_one")), 672387694);
    }

    #[test]
    fn a_smaller_size_is_the_photo_seen_from_afar() {
        let whole = pixels(golden!("full"), 8).unwrap().unwrap();
        let half = pixels(golden!("full"), 4).unwrap().unwrap();
        assert_eq!(half.dimensions(), (19, 15));
        let mean = |image: &RgbImage| {
            image.as_raw().iter().map(|value| f64::from(*value)).sum::<f64>()
                / image.as_raw().len() as f64
        };
        assert!((mean(&whole) - mean(&half)).abs() < 3.0);
    }

    #[test]
    fn cmyk_is_left_to_another_decoder() {
        assert!(pixels(golden!("cmyk"), 8).unwrap().is_none());
    }

    #[test]
    fn every_cut_is_an_error() {
        let whole = golden!("subsampled");
        for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
            assert!(pixels(&whole[..length], 8).is_err(), "cut to {length} bytes");
        }
    }

    #[test]
    fn no_changed_byte_crashes_the_decoder() {
        let mut bytes = golden!("subsampled").to_vec();
        for position in 2..bytes.len() {
            for changed in [0x00, 0xFF, bytes[position] ^ 0x10] {
                let before = std::mem::replace(&mut bytes[position], changed);
                // Damage may go unnoticed or be an error; a huge size is refused before pixels are.
                if matches!(image::load_from_memory(&bytes).map(|i| i.width()), Ok(0..=999)) {
                    let _ = pixels(&bytes, 8);
                }
                bytes[position] = before;
            }
        }
    }
}
