//! A colour for every position, so that dots in two photos are told apart at a glance: hue runs from left
//! to right, lightness from top to bottom.

use crate::geometry::{BoundingBox, Point};

/// Lightness (OKLCH) at the top and at the bottom.
const LIGHTNESS: [f64; 2] = [0.86, 0.60];
/// Chroma (OKLCH): vivid, and within sRGB for most hues.
const CHROMA: f64 = 0.17;
/// Hue at the left and at the right, in degrees: red, yellow, green, blue, violet.
const HUE: [f64; 2] = [20.0, 320.0];

/// The colour of a position within `bounds`, as sRGB bytes.
pub(super) fn colour(position: Point, bounds: BoundingBox) -> [u8; 3] {
    let part = |value: f64, low: f64, high: f64| {
        if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
    };
    let across = part(position.x, bounds.x1, bounds.x2);
    let down = part(position.y, bounds.y1, bounds.y2);
    let lightness = LIGHTNESS[0] + (LIGHTNESS[1] - LIGHTNESS[0]) * down;
    let hue = (HUE[0] + (HUE[1] - HUE[0]) * across).to_radians();
    srgb_from_oklab(lightness, CHROMA * hue.cos(), CHROMA * hue.sin())
}

/// Ottosson, "A perceptual color space for image processing", 2020.
fn srgb_from_oklab(lightness: f64, a: f64, b: f64) -> [u8; 3] {
    let long = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let medium = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let short = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    let linear = [
        4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701_0 * short,
    ];
    linear.map(|value| {
        let value = value.clamp(0.0, 1.0);
        let encoded = if value <= 0.003_130_8 {
            12.92 * value
        } else {
            1.055 * value.powf(1.0 / 2.4) - 0.055
        };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oklab_red_is_srgb_red() {
        assert_eq!(srgb_from_oklab(0.627_955, 0.224_863, 0.125_846), [255, 0, 0]);
        assert_eq!(srgb_from_oklab(1.0, 0.0, 0.0), [255, 255, 255]);
    }

    #[test]
    fn left_and_right_top_and_bottom_differ_clearly() {
        let bounds = BoundingBox { x1: 0.0, y1: 0.0, x2: 10.0, y2: 10.0 };
        let corners = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (10.0, 10.0)]
            .map(|(x, y)| colour(Point::new(x, y), bounds));
        for (index, first) in corners.iter().enumerate() {
            for second in &corners[index + 1..] {
                let apart: i32 =
                    (0..3).map(|channel| i32::from(first[channel].abs_diff(second[channel]))).sum();
                assert!(apart > 80, "{first:?} {second:?}");
            }
        }
    }
}
