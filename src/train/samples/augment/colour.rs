//! Colour steps that look at one pixel, or one channel's histogram, at a time: albumentations 1.4's
//! operators on 8-bit images.

use image::RgbImage;

/// Weights of red, green and blue in the grey value, in 1/32768.
const GREY_WEIGHTS: [u32; 3] = [9798, 19235, 3735];

/// Levels from here on are inverted by [`solarize`].
const SOLARIZE_THRESHOLD: u8 = 128;

/// The bits [`posterize`] keeps: the upper four.
const POSTERIZE_MASK: u8 = 0xF0;

/// The grey value of a pixel, rounded.
pub(crate) fn grey([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u32::from(red) * GREY_WEIGHTS[0]
        + u32::from(green) * GREY_WEIGHTS[1]
        + u32::from(blue) * GREY_WEIGHTS[2];
    ((sum + (1 << 14)) >> 15) as u8
}

/// Replaces all three channels by the grey value.
pub(crate) fn to_gray(image: &mut RgbImage) {
    for pixel in image.pixels_mut() {
        pixel.0 = [grey(pixel.0); 3];
    }
}

/// Keeps the upper four bits of every value.
pub(crate) fn posterize(image: &mut RgbImage) {
    look_up(image, |value| value & POSTERIZE_MASK);
}

/// Inverts the values from 128 on.
pub(crate) fn solarize(image: &mut RgbImage) {
    look_up(image, |value| if value >= SOLARIZE_THRESHOLD { 255 - value } else { value });
}

/// Equalises the histogram of each channel alone; a channel of one level stays.
pub(crate) fn equalize(image: &mut RgbImage) {
    for channel in 0..3 {
        let mut histogram = [0_u32; 256];
        for pixel in image.pixels() {
            histogram[usize::from(pixel[channel])] += 1;
        }
        let total = image.width() * image.height();
        let Some(lowest) = histogram.iter().position(|&count| count > 0) else { return };
        if histogram[lowest] == total {
            continue;
        }
        let scale = 255.0 / (total - histogram[lowest]) as f32;
        let mut table = [0_u8; 256];
        let mut below = 0;
        for level in lowest + 1..256 {
            below += histogram[level];
            table[level] = (below as f32 * scale).round_ties_even() as u8;
        }
        for pixel in image.pixels_mut() {
            pixel[channel] = table[usize::from(pixel[channel])];
        }
    }
}

/// `v` becomes `contrast * v + 255 * brightness`, cut to 0..=255 and towards zero.
pub(crate) fn brightness_contrast(image: &mut RgbImage, contrast: f64, brightness: f64) {
    // Parity: the table is computed in 32 bits.
    let (factor, offset) = (contrast as f32, (brightness * 255.0) as f32);
    look_up(image, |value| (f32::from(value) * factor + offset) as u8);
}

/// Replaces every value by what `map` makes of it.
pub(super) fn look_up(image: &mut RgbImage, map: impl Fn(u8) -> u8) {
    let mut table = [0_u8; 256];
    for (value, entry) in (0..=255).zip(&mut table) {
        *entry = map(value);
    }
    for value in image.iter_mut() {
        *value = table[usize::from(*value)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equalizing_spreads_two_levels_to_the_ends_and_leaves_one_level_alone() {
        let mut image = RgbImage::from_fn(4, 1, |x, _| image::Rgb([100 + (x % 2) as u8, 7, 0]));
        equalize(&mut image);
        assert_eq!(image.get_pixel(0, 0).0, [0, 7, 0]);
        assert_eq!(image.get_pixel(1, 0).0, [255, 7, 0]);
    }

    #[test]
    fn brightness_beyond_white_is_cut() {
        let mut image = RgbImage::from_pixel(1, 1, image::Rgb([0, 200, 255]));
        brightness_contrast(&mut image, 1.2, 0.2);
        assert_eq!(image.get_pixel(0, 0).0, [51, 255, 255]);
    }
}
