//! JPEG pixels equal to libjpeg-turbo's: exact integer transform, smooth chroma upsampling.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;
use mozjpeg::{ColorSpace, Decompress};

/// The pixels of a JPEG file; `None` for colour spaces that libjpeg does not convert to RGB (CMYK).
///
/// # Errors
/// When the file is damaged, or stops before its end marker.
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<RgbImage>> {
    // The decoder would fill what is missing with grey.
    ensure!(
        reaches_end_of_image(bytes),
        "the JPEG stops before its end marker, so a part of the picture is missing"
    );
    // libjpeg's fatal errors arrive as panics that carry a message and print nothing.
    match catch_unwind(AssertUnwindSafe(|| decode_or_unwind(bytes))) {
        Ok(image) => image,
        Err(payload) => match payload.downcast::<String>() {
            Ok(message) => bail!(*message),
            Err(_) => bail!("libjpeg gave up"),
        },
    }
}

fn decode_or_unwind(bytes: &[u8]) -> Result<Option<RgbImage>> {
    let decoder = Decompress::new_mem(bytes)?;
    if matches!(decoder.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK) {
        return Ok(None);
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
            include_bytes!(concat!("../../../tests/golden/jpeg/", $name, ".jpg")).as_slice()
        };
    }

    fn checksum(bytes: &[u8]) -> u64 {
        let image = decode(bytes).unwrap().unwrap();
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
    fn cmyk_is_left_to_another_decoder() {
        assert!(decode(golden!("cmyk")).unwrap().is_none());
    }

    #[test]
    fn every_cut_is_an_error() {
        let whole = golden!("subsampled");
        for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
            assert!(decode(&whole[..length]).is_err(), "cut to {length} bytes");
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
                    let _ = decode(&bytes);
                }
                bytes[position] = before;
            }
        }
    }
}
