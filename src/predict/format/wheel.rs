//! The Middlebury colour wheel: hue is the flow's direction, saturation its length.
//!
//! Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011; the same colours as
//! their `colorcode.cpp` (and `flow_vis`).

use image::RgbImage;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::flow::Flow;

/// Steps of the wheel from each of its six main colours to the next: red, yellow, green, cyan, blue,
/// magenta. Uneven, because the eye tells some hues apart better than others.
const STEPS: [usize; 6] = [15, 6, 4, 11, 13, 6];
/// The share of the pixels that move less than the displacement of the full colours.
const SCALE_PERCENTILE: f64 = 0.99;
/// The least displacement that full colours stand for, as a part of the photo: noise is not to look like motion.
pub(crate) const FLOOR: f32 = 0.1;
/// How far colours beyond the scale are darkened.
const BEYOND_SCALE: f32 = 0.75;

/// The displacement that full colours stand for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FlowScale {
    /// A part of the photo's width or height, whatever its size in pixels.
    Part(f32),
    /// Pixels.
    Pixels(f32),
}

impl FlowScale {
    /// A distance in words.
    pub(crate) fn in_words(self) -> String {
        match self {
            Self::Part(part) => format!("{:.0} % of the photo's side", 100.0 * part),
            Self::Pixels(pixels) => format!("{pixels} pixels"),
        }
    }
}

/// The scale of a flow that is measured in parts of the photos: what 99 % of the pixels that are shown (all, if
/// nothing is said) stay below, but not less than [`FLOOR`].
pub(crate) fn relative_scale(flow: &Flow, shown: Option<&[bool]>) -> f32 {
    let lengths = lengths(flow).enumerate();
    let lengths = lengths.filter(|(index, _)| shown.is_none_or(|shown| shown[*index]));
    percentile(lengths.map(|(_, length)| length).collect()).max(FLOOR)
}

/// The displacement that 99 % of the flow's pixels stay below, in the flow's pixels.
pub(crate) fn magnitude(flow: &Flow) -> f32 {
    percentile(lengths(flow).collect())
}

fn lengths(flow: &Flow) -> impl Iterator<Item = f32> {
    flow.dx.iter().zip(&flow.dy).map(|(dx, dy)| dx.hypot(*dy))
}

/// What [`SCALE_PERCENTILE`] of the values stay below; 0 without values.
fn percentile(mut values: Vec<f32>) -> f32 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    // NumPy's default: linear interpolation between the two neighbouring ranks.
    let rank = SCALE_PERCENTILE * last as f64;
    let (_, low, above) = values.select_nth_unstable_by(rank as usize, f32::total_cmp);
    let low = *low;
    let high = above.iter().copied().min_by(f32::total_cmp).unwrap_or(low);
    low + (high - low) * rank.fract() as f32
}

/// Draws a flow; displacements of `scale` get the wheel's full colours, longer ones darker ones.
pub(crate) fn draw(flow: &Flow, scale: f32) -> RgbImage {
    let wheel = colours();
    let scale = 1.0 / scale;
    let mut bytes = vec![0; flow.size.area() * 3];
    bytes.par_chunks_mut(3).zip(flow.dx.par_iter().zip(&flow.dy)).for_each(|(pixel, (dx, dy))| {
        pixel.copy_from_slice(&colour(&wheel, dx * scale, dy * scale))
    });
    RgbImage::from_raw(flow.size.width as u32, flow.size.height as u32, bytes)
        .expect("three bytes a pixel")
}

/// The colour of a displacement relative to the scale.
pub(crate) fn colour(wheel: &[[f32; 3]], x: f32, y: f32) -> [u8; 3] {
    let length = x.hypot(y);
    let angle = (-y).atan2(-x) / std::f32::consts::PI;
    let position = (angle + 1.0) / 2.0 * (wheel.len() - 1) as f32;
    let first = position.floor() as usize;
    let along = position - position.floor();
    let (from, to) = (wheel[first], wheel[(first + 1) % wheel.len()]);
    std::array::from_fn(|channel| {
        let pure = (from[channel] * (1.0 - along) + to[channel] * along) / 255.0;
        let value = if length <= 1.0 { 1.0 - length * (1.0 - pure) } else { pure * BEYOND_SCALE };
        (255.0 * value).floor() as u8
    })
}

/// The wheel's 55 colours, 0 to 255.
pub(crate) fn colours() -> Vec<[f32; 3]> {
    const MAIN: [[f32; 3]; 6] = [
        [255.0, 0.0, 0.0],
        [255.0, 255.0, 0.0],
        [0.0, 255.0, 0.0],
        [0.0, 255.0, 255.0],
        [0.0, 0.0, 255.0],
        [255.0, 0.0, 255.0],
    ];
    let mut wheel = Vec::new();
    for (main, steps) in STEPS.into_iter().enumerate() {
        let (from, to) = (MAIN[main], MAIN[(main + 1) % MAIN.len()]);
        for step in 0..steps {
            let change = (255.0 * step as f32 / steps as f32).floor();
            wheel.push(std::array::from_fn(|channel| {
                from[channel] + (to[channel] - from[channel]) / 255.0 * change
            }));
        }
    }
    wheel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn scale_is_numpys_99th_percentile() {
        let lengths: Vec<f32> = (0..50).map(|value| value as f32).chain([0.0; 50]).collect();
        let flow = Flow::from_channels(Size::new(10, 10), &[lengths, vec![0.0; 100]].concat());
        // numpy.percentile([*range(50), *[0] * 50], 99)
        assert!((magnitude(&flow) - 48.01).abs() < 1e-4);
        assert_eq!(magnitude(&Flow::zero(Size::new(1, 1))), 0.0);
    }

    #[test]
    fn noise_is_no_motion() {
        let noise = Flow::from_channels(Size::new(1, 2), &[0.004, -0.003, 0.0, 0.002]);
        assert_eq!(relative_scale(&noise, None), FLOOR);
        let picture = draw(&noise, relative_scale(&noise, None));
        assert!(
            picture.pixels().all(|pixel| pixel.0.iter().all(|value| *value > 225)),
            "{picture:?}"
        );
        let motion = Flow::from_channels(Size::new(1, 2), &[0.4, -0.4, 0.0, 0.0]);
        assert!((relative_scale(&motion, None) - 0.4).abs() < 1e-6);
        let mixed = Flow::from_channels(Size::new(1, 2), &[0.4, 9.0, 0.0, 0.0]);
        assert!((relative_scale(&mixed, Some(&[true, false])) - 0.4).abs() < 1e-6);
        assert_eq!(relative_scale(&mixed, Some(&[false, false])), FLOOR);
        assert_eq!(FlowScale::Part(0.4).in_words(), "40 % of the photo's side");
        assert_eq!(FlowScale::Pixels(12.5).in_words(), "12.5 pixels");
    }

    #[test]
    fn colours_are_those_of_flow_vis() {
        let x = [1.0, 0.0, -1.0, 0.0, 0.3, -0.5, 0.0, 1.2, -0.1, 0.7, 2.0, -0.33];
        let y = [0.0, 1.0, 0.0, -1.0, 0.4, 0.2, 0.0, -0.7, -0.6, -0.7, 0.0, 0.91];
        let flow_vis = [
            [255, 0, 0],
            [255, 229, 0],
            [0, 209, 255],
            [88, 0, 255],
            [255, 195, 127],
            [117, 255, 211],
            [255, 255, 255],
            [191, 0, 176],
            [136, 99, 255],
            [220, 2, 255],
            [191, 0, 0],
            [193, 255, 8],
        ];
        let picture = draw(&Flow::from_channels(Size::new(3, 4), &[x, y].concat()), 1.0);
        for (drawn, wanted) in picture.pixels().zip(flow_vis) {
            for (drawn, wanted) in drawn.0.into_iter().zip(wanted) {
                assert!(drawn.abs_diff(wanted) <= 1, "{drawn} is not {wanted}");
            }
        }
    }
}
