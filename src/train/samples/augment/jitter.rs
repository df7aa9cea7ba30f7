//! The colour jitter step: brightness, contrast, saturation and hue in a random order.

use image::RgbImage;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use crate::train::samples::augment::colour::{grey, look_up};

/// Fixed-point bits of OpenCV's 8-bit HSV conversion.
const HSV_SHIFT: i32 = 12;

/// Hue values of OpenCV's 8-bit HSV: two degrees each.
const HUES: f64 = 180.0;

/// One part of the jitter with its strength.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum JitterPart {
    /// Values are multiplied by the factor.
    Brightness(f64),
    /// Values move away from the image's mean grey by the factor.
    Contrast(f64),
    /// Values move away from their pixel's grey by the factor.
    Saturation(f64),
    /// The hue turns by this fraction of the whole circle.
    Hue(f64),
}

/// Draws the four parts: factors from 0.8 to 1.2, the hue from -0.2 to 0.2, in a random order.
pub(crate) fn draw(rng: &mut impl Rng) -> [JitterPart; 4] {
    let mut parts = [
        JitterPart::Brightness(rng.random_range(0.8..1.2)),
        JitterPart::Contrast(rng.random_range(0.8..1.2)),
        JitterPart::Saturation(rng.random_range(0.8..1.2)),
        JitterPart::Hue(rng.random_range(-0.2..0.2)),
    ];
    parts.shuffle(rng);
    parts
}

impl JitterPart {
    /// Changes the image.
    pub(crate) fn apply(self, image: &mut RgbImage) {
        match self {
            Self::Brightness(factor) => look_up(image, |value| (f64::from(value) * factor) as u8),
            Self::Contrast(factor) => {
                let offset = mean_grey(image) * (1.0 - factor);
                look_up(image, |value| (f64::from(value) * factor + offset) as u8);
            }
            Self::Saturation(factor) => {
                for pixel in image.pixels_mut() {
                    let grey = f64::from(grey(pixel.0)) * (1.0 - factor);
                    pixel.0 = pixel
                        .0
                        .map(|value| (f64::from(value) * factor + grey).round_ties_even() as u8);
                }
            }
            Self::Hue(turn) => {
                for pixel in image.pixels_mut() {
                    let [hue, saturation, value] = hsv_from_rgb(pixel.0);
                    let hue = (f64::from(hue) + HUES * turn).rem_euclid(HUES) as u8;
                    pixel.0 = rgb_from_hsv([hue, saturation, value]);
                }
            }
        }
    }
}

fn mean_grey(image: &RgbImage) -> f64 {
    let sum: u64 = image.pixels().map(|pixel| u64::from(grey(pixel.0))).sum();
    sum as f64 / (u64::from(image.width()) * u64::from(image.height())) as f64
}

/// OpenCV's 8-bit conversion: hue 0 to 179, saturation and value 0 to 255, by integer tables.
fn hsv_from_rgb(rgb: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = rgb.map(i32::from);
    let value = red.max(green).max(blue);
    let range = value - red.min(green).min(blue);
    let half = 1 << (HSV_SHIFT - 1);
    let saturation = (range * divide(255.0, value) + half) >> HSV_SHIFT;
    let sixths = if value == red {
        green - blue
    } else if value == green {
        blue - red + 2 * range
    } else {
        red - green + 4 * range
    };
    let hue = (sixths * divide(HUES / 6.0, range) + half) >> HSV_SHIFT;
    let hue = if hue < 0 { hue + HUES as i32 } else { hue };
    [hue as u8, saturation as u8, value as u8]
}

/// `numerator / divisor` in the fixed-point form of OpenCV's tables; 0 for a divisor of 0.
fn divide(numerator: f64, divisor: i32) -> i32 {
    if divisor == 0 {
        return 0;
    }
    (numerator * f64::from(1 << HSV_SHIFT) / f64::from(divisor)).round_ties_even() as i32
}

/// The way back, in 32-bit floats as OpenCV does it.
fn rgb_from_hsv([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    let sixths = f32::from(hue) * (6.0 / HUES as f32);
    let saturation = f32::from(saturation) * (1.0 / 255.0);
    let value = f32::from(value) * (1.0 / 255.0);
    let sector = sixths.floor();
    let part = sixths - sector;
    let low = value * (1.0 - saturation);
    let falling = value * (1.0 - saturation * part);
    let rising = value * (1.0 - saturation * (1.0 - part));
    let rgb = match sector as i32 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    };
    rgb.map(|part| (part * 255.0).round_ties_even() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pure_colours_have_their_hues_and_come_back() {
        for (rgb, hsv) in [
            ([255, 0, 0], [0, 255, 255]),
            ([0, 255, 0], [60, 255, 255]),
            ([0, 0, 255], [120, 255, 255]),
            ([80, 80, 80], [0, 0, 80]),
            ([0, 0, 0], [0, 0, 0]),
        ] {
            assert_eq!(hsv_from_rgb(rgb), hsv);
            assert_eq!(rgb_from_hsv(hsv), rgb);
        }
    }

    #[test]
    fn a_third_of_a_turn_makes_red_green() {
        let mut image = RgbImage::from_pixel(1, 1, image::Rgb([200, 0, 0]));
        JitterPart::Hue(1.0 / 3.0).apply(&mut image);
        assert_eq!(image.get_pixel(0, 0).0, [0, 200, 0]);
    }

    #[test]
    fn draws_stay_in_their_ranges_and_every_part_comes_first_sometimes() {
        let mut rng = crate::train::samples::random::generator(
            1,
            crate::train::samples::random::Purpose::Order,
            0,
            0,
        );
        let mut first = [0; 4];
        for _ in 0..2000 {
            let parts = draw(&mut rng);
            for part in parts {
                match part {
                    JitterPart::Brightness(factor)
                    | JitterPart::Contrast(factor)
                    | JitterPart::Saturation(factor) => assert!((0.8..1.2).contains(&factor)),
                    JitterPart::Hue(turn) => assert!((-0.2..0.2).contains(&turn)),
                }
            }
            let kind = match parts[0] {
                JitterPart::Brightness(_) => 0,
                JitterPart::Contrast(_) => 1,
                JitterPart::Saturation(_) => 2,
                JitterPart::Hue(_) => 3,
            };
            first[kind] += 1;
        }
        assert!(first.iter().all(|&count| (400..600).contains(&count)), "{first:?}");
    }
}
