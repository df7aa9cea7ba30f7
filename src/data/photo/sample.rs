//! Photos read off between their pixels, as NC-Net's loader does.

use image::{Rgb, Rgb32FImage, RgbImage};

/// A photo on a square of `side` pixels, each of which lies between the four nearest of the photo's: no antialiasing,
/// and no rounding.
///
/// Parity: the loader lays its positions as if they were the middles of pixels, and reads the photo as if its corners
/// were those of its outermost pixels (`affine_grid` without and `grid_sample` with `align_corners`), so that a rim as
/// wide as half a pixel of the result is not seen.
pub(crate) fn sampled(photo: &RgbImage, side: usize) -> Rgb32FImage {
    let along = |length: u32| -> Vec<(u32, u32, f32)> {
        let place = |index: usize| {
            // In 32 bits, as there.
            let normalised = (2 * index + 1) as f32 / side as f32 - 1.0;
            let position = (normalised + 1.0) / 2.0 * (length - 1) as f32;
            let before = (position.floor() as u32).min(length - 1);
            (before, (before + 1).min(length - 1), position - before as f32)
        };
        (0..side).map(place).collect()
    };
    let (columns, rows) = (along(photo.width()), along(photo.height()));
    Rgb32FImage::from_fn(side as u32, side as u32, |x, y| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_between_those_of_the_pixels_and_the_rim_is_not_seen() {
        let photo = RgbImage::from_fn(5, 3, |x, y| Rgb([10 * x as u8, 100 * y as u8, 7]));
        let found = sampled(&photo, 4);
        assert_eq!(found.dimensions(), (4, 4));
        // Position j lies at (j + 1/2) / 4 of the way from the first to the last pixel.
        for (x, y, Rgb([red, green, blue])) in found.enumerate_pixels() {
            let part = |index: u32| (index as f32 + 0.5) / 4.0;
            assert!((red - part(x) * 40.0).abs() < 1e-4, "{x}: {red}");
            assert!((green - part(y) * 200.0).abs() < 1e-4, "{y}: {green}");
            assert!((blue - 7.0).abs() < 1e-5);
        }
    }
}
