//! Photos read off between their pixels, as some loaders do: no antialiasing, and no rounding.

use image::{Rgb, Rgb32FImage, RgbImage};

use crate::geometry::Size;

/// Where the pixels of the result lie on the photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As the photo's edges become the result's (`interpolate` without `align_corners`).
    Edges,
    /// As NC-Net's loader has it: positions are laid as if they were the middles of pixels, and the photo is read as if
    /// its corners were those of its outermost pixels (`affine_grid` without and `grid_sample` with `align_corners`), so
    /// that a rim as wide as half a pixel of the result is not seen.
    WithinOutermost,
}

/// A photo in another size, each pixel of which lies between the four nearest of the photo's.
pub(crate) fn sampled(photo: &RgbImage, size: Size, reading: Reading) -> Rgb32FImage {
    let columns = reading.places(photo.width(), size.width);
    let rows = reading.places(photo.height(), size.height);
    Rgb32FImage::from_fn(size.width as u32, size.height as u32, |x, y| {
        let ((left, right, in_x), (above, below, in_y)) = (columns[x as usize], rows[y as usize]);
        let corners = [
            (photo.get_pixel(left, above), (1.0 - in_x) * (1.0 - in_y)),
            (photo.get_pixel(right, above), in_x * (1.0 - in_y)),
            (photo.get_pixel(left, below), (1.0 - in_x) * in_y),
            (photo.get_pixel(right, below), in_x * in_y),
        ];
        let channel = |channel: usize| {
            corners.iter().map(|(pixel, weight)| f32::from(pixel.0[channel]) * weight).sum()
        };
        Rgb([0, 1, 2].map(channel))
    })
}

impl Reading {
    /// For each of `count` pixels along one axis the pixels of the photo before and behind it, and how far it lies
    /// between them.
    fn places(self, length: u32, count: usize) -> Vec<(u32, u32, f32)> {
        let place = |index: usize| {
            // In 32 bits, as there.
            let position = match self {
                Self::Edges => {
                    let scale = length as f32 / count as f32;
                    (scale * (index as f32 + 0.5) - 0.5).max(0.0)
                }
                Self::WithinOutermost => {
                    let normalised = (2 * index + 1) as f32 / count as f32 - 1.0;
                    (normalised + 1.0) / 2.0 * (length - 1) as f32
                }
            };
            let before = (position.floor() as u32).min(length - 1);
            (before, (before + 1).min(length - 1), position - before as f32)
        };
        (0..count).map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_between_those_of_the_pixels_and_the_rim_is_not_seen() {
        let photo = RgbImage::from_fn(5, 3, |x, y| Rgb([10 * x as u8, 100 * y as u8, 7]));
        let found = sampled(&photo, Size::square(4), Reading::WithinOutermost);
        assert_eq!(found.dimensions(), (4, 4));
        // Position j lies at (j + 1/2) / 4 of the way from the first to the last pixel.
        for (x, y, Rgb([red, green, blue])) in found.enumerate_pixels() {
            let part = |index: u32| (index as f32 + 0.5) / 4.0;
            assert!((red - part(x) * 40.0).abs() < 1e-4, "{x}: {red}");
            assert!((green - part(y) * 200.0).abs() < 1e-4, "{y}: {green}");
            assert!((blue - 7.0).abs() < 1e-5);
        }
    }

    #[test]
    fn what_is_not_resized_stays_and_edges_become_edges() {
        let photo = RgbImage::from_fn(6, 2, |x, _| Rgb([30 * x as u8, 0, 0]));
        let same = sampled(&photo, Size::new(2, 6), Reading::Edges);
        assert!(same.pixels().zip(photo.pixels()).all(|(a, b)| a.0[0] == f32::from(b.0[0])));
        // The middle of three halves lies between the third and the fourth pixel.
        let half = sampled(&photo, Size::new(1, 3), Reading::Edges);
        assert_eq!(half.pixels().map(|pixel| pixel.0[0]).collect::<Vec<_>>(), [15.0, 75.0, 135.0]);
    }
}
