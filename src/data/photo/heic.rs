//! HEIC, which phones make: turned and cropped as the file says, colours as they are stored.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Error, Result, anyhow};
use heic_decoder::{DecodedImage, HeifError};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, RgbImage, RgbaImage};

use crate::data::photo::limit::ensure_decodable;
use crate::data::photo::stored::Stored;
use crate::data::photo::trouble::{DAMAGED, unsupported};
use crate::geometry::Size;

/// The memory that a pixel takes while it is decoded: three planes of 32-bit numbers, and the result.
const BYTES_PER_PIXEL: u64 = 16;

/// The first picture of a HEIC file.
///
/// # Errors
/// When the file is damaged or cut off, of a rare kind, or beyond the limits.
pub(super) fn decode(bytes: &[u8]) -> Result<Stored> {
    let size = size(bytes)?;
    ensure_decodable(size, BYTES_PER_PIXEL)?;
    // The decoder promises not to panic; a hostile file that finds a hole in that is one bad photo.
    let decoded = catch_unwind(AssertUnwindSafe(|| pixels(&heic_decoder::decode(bytes)?)));
    let image = match decoded {
        Ok(image) => image.map_err(explained)?,
        Err(_) => return Err(anyhow!("the HEIC decoder gave up").context(DAMAGED)),
    };
    // The container's own turn is done, and EXIF's repeats it.
    Ok(Stored { image, size, orientation: Orientation::NoTransforms })
}

/// The size of a file's first picture, as it is shown.
///
/// # Errors
/// When the file is damaged or cut off, or of a rare kind.
pub(super) fn size(bytes: &[u8]) -> Result<Size> {
    let info = heic_decoder::probe(bytes).map_err(explained)?;
    Ok(Size::new(info.height, info.width))
}

fn pixels(decoded: &DecodedImage) -> heic_decoder::Result<DynamicImage> {
    let (width, height) = (decoded.width as u32, decoded.height as u32);
    let image = match (decoded.bit_depth_luma > 8, decoded.alpha.is_some()) {
        (false, false) => {
            RgbImage::from_raw(width, height, decoded.to_rgb8()?.data).map(DynamicImage::from)
        }
        (false, true) => {
            let pixels = decoded.to_rgba8()?;
            let mut image = RgbaImage::from_raw(width, height, pixels.data);
            if let Some(image) = image.as_mut().filter(|_| pixels.premultiplied) {
                image.pixels_mut().for_each(|pixel| {
                    let [colour @ .., alpha] = &mut pixel.0;
                    let divide = |value: u8| u16::from(value) * 255 / u16::from((*alpha).max(1));
                    colour.iter_mut().for_each(|value| *value = divide(*value).min(255) as u8);
                });
            }
            image.map(DynamicImage::from)
        }
        (true, false) => ImageBuffer::from_raw(width, height, decoded.to_rgb16()?.data)
            .map(DynamicImage::ImageRgb16),
        (true, true) => ImageBuffer::from_raw(width, height, decoded.to_rgba16()?.data)
            .map(DynamicImage::ImageRgba16),
    };
    image.ok_or(HeifError::MalformedHevc("the picture does not fill its size"))
}

/// What the decoder could not do, as what the user can do about it.
fn explained(error: HeifError) -> Error {
    match error {
        HeifError::Unsupported(what) => anyhow!(unsupported(&format!("HEIC: {what}"))),
        HeifError::LimitExceeded(what) => {
            anyhow!("the HEIC is beyond a limit: {what}; scale it down")
        }
        error => Error::new(error).context(DAMAGED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files: `tests/golden/heic/generate.py`.
    macro_rules! golden {
        ($name:literal) => {
            include_bytes!(concat!("../../../tests/golden/heic/", $name, ".heic")).as_slice()
        };
    }

    /// How far a picture is from the formula on average, in levels.
    fn mean_difference(image: &RgbImage) -> f64 {
        let mut sum = 0.0;
        for (x, y, pixel) in image.enumerate_pixels() {
            for (channel, value) in pixel.0.iter().enumerate() {
                let (x, y, c) = (f64::from(x), f64::from(y), channel as f64);
                let wave = (x * (0.1 + 0.05 * c) + y * 0.08).sin() * (y * (0.15 - 0.05 * c)).cos();
                sum += (128.0 + 100.0 * wave - f64::from(*value)).abs();
            }
        }
        sum / f64::from(3 * image.width() * image.height())
    }

    #[test]
    fn pictures_of_phones_are_what_they_show() {
        for bytes in [golden!("upright"), golden!("ten_bit"), golden!("transparent")] {
            let stored = decode(bytes).unwrap();
            assert_eq!(stored.size, Size::new(48, 64));
            let difference = mean_difference(&stored.image.into_rgb8());
            assert!(difference < 3.0, "{difference}");
        }
        let transparent = decode(golden!("transparent")).unwrap().image.into_rgba8();
        assert!(transparent.get_pixel(0, 9).0[3] < 8 && transparent.get_pixel(60, 9).0[3] > 230);
    }

    #[test]
    fn the_containers_turn_is_done() {
        let turned = decode(golden!("turned")).unwrap();
        assert_eq!(
            (turned.size, size(golden!("turned")).unwrap()),
            (Size::new(64, 48), Size::new(64, 48))
        );
        let upright = decode(golden!("upright")).unwrap().image;
        assert_eq!(turned.image.into_rgb8(), upright.rotate270().into_rgb8());
    }

    #[test]
    fn no_cut_and_no_changed_byte_crashes_the_decoder() {
        let whole = golden!("upright");
        for length in (0..whole.len()).step_by(11) {
            let error = format!("{:#}", decode(&whole[..length]).unwrap_err());
            assert!(error.contains("damaged"), "{error}");
        }
        let mut bytes = whole.to_vec();
        for position in (0..bytes.len()).step_by(3) {
            let before = std::mem::replace(&mut bytes[position], 0xFF);
            if size(&bytes).is_ok_and(|size| size.area() < 100_000) {
                let _ = decode(&bytes);
            }
            bytes[position] = before;
        }
    }
}
