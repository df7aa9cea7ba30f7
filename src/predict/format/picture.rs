//! The picture formats of the outputs.

use std::io::{Seek, Write};

use anyhow::Result;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, Pixel, RgbImage, Rgba, RgbaImage};

/// Quality of JPEG outputs, 1 to 100: no visible artefacts around thin lines.
const JPEG_QUALITY: u8 = 92;
/// What stands behind transparent pixels where a format has none: neutral grey.
pub(crate) const BACKDROP: [u8; 3] = [128; 3];

/// A picture format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PictureFormat {
    /// Lossless, may be transparent.
    Png,
    /// Lossy, never transparent.
    Jpeg,
    /// Lossless here, may be transparent.
    Webp,
}

/// Every picture format with the ends of its file names.
pub(crate) const ENDINGS: &[(&str, PictureFormat)] = &[
    ("png", PictureFormat::Png),
    ("jpg", PictureFormat::Jpeg),
    ("jpeg", PictureFormat::Jpeg),
    ("webp", PictureFormat::Webp),
];

impl PictureFormat {
    /// Encodes a picture; transparent pixels of a JPEG become [`BACKDROP`].
    ///
    /// # Errors
    /// When the file cannot be written or the format does not allow the picture's size.
    pub(crate) fn encode(
        self,
        file: &mut (impl Write + Seek),
        picture: impl Into<DynamicImage>,
    ) -> Result<()> {
        let picture = picture.into();
        match self {
            Self::Png => picture.write_with_encoder(PngEncoder::new(file))?,
            Self::Webp => picture.write_with_encoder(WebPEncoder::new_lossless(file))?,
            Self::Jpeg => {
                let encoder = JpegEncoder::new_with_quality(file, JPEG_QUALITY);
                match picture {
                    DynamicImage::ImageRgba8(picture) => {
                        DynamicImage::from(on_backdrop(&picture)).write_with_encoder(encoder)?;
                    }
                    picture => picture.write_with_encoder(encoder)?,
                }
            }
        }
        Ok(())
    }
}

/// What a pixel is of which there is nothing to show.
pub(crate) const NOTHING: Rgba<u8> = Rgba([BACKDROP[0], BACKDROP[1], BACKDROP[2], 0]);

/// Some pixels of a picture, row by row; the others are transparent.
pub(crate) fn only(picture: &RgbImage, shown: &[bool]) -> RgbaImage {
    RgbaImage::from_fn(picture.width(), picture.height(), |x, y| {
        match shown[y as usize * picture.width() as usize + x as usize] {
            true => picture.get_pixel(x, y).to_rgba(),
            false => NOTHING,
        }
    })
}

/// The picture without transparency.
fn on_backdrop(picture: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let Rgba([red, green, blue, alpha]) = *picture.get_pixel(x, y);
        let mix = |value: u8, behind: u8| {
            let alpha = u32::from(alpha);
            ((u32::from(value) * alpha + u32::from(behind) * (255 - alpha) + 127) / 255) as u8
        };
        image::Rgb([mix(red, BACKDROP[0]), mix(green, BACKDROP[1]), mix(blue, BACKDROP[2])])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparent_pixels_turn_grey_in_a_jpeg() {
        let picture = RgbaImage::from_pixel(16, 16, Rgba([255, 0, 0, 0]));
        let mut file = std::io::Cursor::new(Vec::new());
        PictureFormat::Jpeg.encode(&mut file, picture).unwrap();
        let read = image::load_from_memory(file.get_ref()).unwrap().into_rgb8();
        assert_eq!(read.get_pixel(8, 8).0, BACKDROP);
    }
}
