//! A photo as the network reads it: normalised values, one plane per channel.

use image::RgbImage;

use crate::geometry::Size;
use crate::model::backbone::Normalisation;

/// A normalised photo: red, green and blue plane, each row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planes {
    /// Rows and columns of each plane.
    pub size: Size,
    /// `3 * height * width` values.
    pub values: Vec<f32>,
}

impl Planes {
    /// Normalises an 8-bit photo.
    pub(crate) fn from_image(image: &RgbImage, normalisation: Normalisation) -> Self {
        let size = Size::new(image.height() as usize, image.width() as usize);
        let mut values = Vec::with_capacity(3 * size.area());
        for channel in 0..3 {
            let normalised = normalisation.of_byte(channel);
            values.extend(image.pixels().map(|pixel| normalised(pixel[channel])));
        }
        Self { size, values }
    }

    /// One channel's values, row by row.
    #[cfg(test)]
    pub(crate) fn plane(&self, channel: usize) -> &[f32] {
        &self.values[channel * self.size.area()..(channel + 1) * self.size.area()]
    }

    /// Left and right exchanged.
    pub(crate) fn mirrored(&self) -> Self {
        let mut mirrored = self.clone();
        mirrored.values.chunks_exact_mut(self.size.width).for_each(<[f32]>::reverse);
        mirrored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::backbone::IMAGENET;

    #[test]
    fn planes_hold_normalised_channels_one_after_another() {
        let image = RgbImage::from_fn(2, 1, |x, _| image::Rgb([0, 255, 51 * x as u8]));
        let planes = Planes::from_image(&image, IMAGENET);
        assert_eq!(planes.size, Size::new(1, 2));
        let wanted = [-0.485 / 0.229, (1.0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225];
        for (channel, wanted) in wanted.into_iter().enumerate() {
            assert!((planes.plane(channel)[1] - wanted).abs() < 1e-6);
        }
        assert_eq!(planes.mirrored().plane(2)[0], planes.plane(2)[1]);
    }
}
