//! Training augmentation: what the official loader does with albumentations 1.4.
//!
//! Every step is a function of given parameters, and drawing the parameters is apart, so that steps
//! can be compared with the original's values and draws with its ranges and frequencies.

pub(crate) mod colour;
pub(crate) mod crop;
pub(crate) mod jitter;
pub(crate) mod sharpen;

use image::RgbImage;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::geometry::{Point, Size};
use crate::train::rules::{Rule, probability};
use jitter::JitterPart;

/// How training photos are changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AugmentationConfig {
    /// Off: photos are prepared as for evaluation (antialiased resize, colours and extent as they are).
    pub enabled: bool,
    /// Probability of each of the seven colour steps.
    pub colour_probability: f64,
    /// Probability of a random crop.
    pub crop_probability: f64,
}

impl Default for AugmentationConfig {
    fn default() -> Self {
        Self { enabled: true, colour_probability: 0.2, crop_probability: 0.7 }
    }
}

impl AugmentationConfig {
    /// What the settings must keep to.
    pub(crate) fn rules(&self) -> [Rule; 2] {
        [
            (
                probability(self.colour_probability),
                "augmentation.colour_probability must lie in 0 to 1",
            ),
            (
                probability(self.crop_probability),
                "augmentation.crop_probability must lie in 0 to 1",
            ),
        ]
    }
}

/// One colour step with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ColourStep {
    /// All channels become the grey value.
    ToGray,
    /// Four bits are kept.
    Posterize,
    /// Each channel's histogram is equalised.
    Equalize,
    /// A 3x3 filter.
    Sharpen {
        /// Its share of the result.
        alpha: f64,
        /// 1 keeps the brightness, less darkens.
        lightness: f64,
    },
    /// A linear map of the values.
    BrightnessContrast {
        /// The factor.
        contrast: f64,
        /// What is added, in parts of 255.
        brightness: f64,
    },
    /// Values from 128 on are inverted.
    Solarize,
    /// Brightness, contrast, saturation and hue in the given order.
    ColourJitter([JitterPart; 4]),
}

impl ColourStep {
    /// Changes the photo.
    pub(crate) fn apply(&self, image: &mut RgbImage) {
        match *self {
            Self::ToGray => colour::to_gray(image),
            Self::Posterize => colour::posterize(image),
            Self::Equalize => colour::equalize(image),
            Self::Sharpen { alpha, lightness } => sharpen::sharpen(image, alpha, lightness),
            Self::BrightnessContrast { contrast, brightness } => {
                colour::brightness_contrast(image, contrast, brightness);
            }
            Self::Solarize => colour::solarize(image),
            Self::ColourJitter(parts) => parts.into_iter().for_each(|part| part.apply(image)),
        }
    }
}

/// Draws the colour steps of one photo: each of the seven with `probability`, in their fixed order.
pub(crate) fn draw_colour_steps(rng: &mut impl Rng, probability: f64) -> Vec<ColourStep> {
    let mut steps = Vec::new();
    let mut maybe = |rng: &mut _, draw: fn(&mut _) -> ColourStep| {
        if RngExt::random_bool(rng, probability) {
            steps.push(draw(rng));
        }
    };
    maybe(rng, |_| ColourStep::ToGray);
    maybe(rng, |_| ColourStep::Posterize);
    maybe(rng, |_| ColourStep::Equalize);
    maybe(rng, |rng| ColourStep::Sharpen {
        alpha: rng.random_range(0.2..0.5),
        lightness: rng.random_range(0.5..1.0),
    });
    maybe(rng, |rng| ColourStep::BrightnessContrast {
        contrast: 1.0 + rng.random_range(-0.2..0.2),
        brightness: rng.random_range(-0.2..0.2),
    });
    maybe(rng, |_| ColourStep::Solarize);
    maybe(rng, |rng| ColourStep::ColourJitter(jitter::draw(rng)));
    steps
}

/// A keypoint of a mirrored photo (PF-PASCAL's flip).
///
/// Parity: pixels go from `x` to `width - 1 - x`, keypoints from `x` to `width - x`.
pub(crate) fn mirror_keypoint(point: Point, frame: Size) -> Point {
    Point::new(frame.width as f64 - point.x, point.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::samples::random::{Purpose, generator};

    #[test]
    fn each_step_is_drawn_in_a_fifth_of_the_photos_with_its_ranges() {
        let mut rng = generator(5, Purpose::Augmentation, 0, 0);
        let mut counts = [0; 7];
        let mut untouched = 0;
        for _ in 0..5000 {
            let steps = draw_colour_steps(&mut rng, 0.2);
            untouched += usize::from(steps.is_empty());
            let positions: Vec<usize> = steps.iter().map(position).collect();
            assert!(positions.is_sorted(), "the order is fixed: {positions:?}");
            positions.iter().for_each(|&position| counts[position] += 1);
            for step in steps {
                match step {
                    ColourStep::Sharpen { alpha, lightness } => {
                        assert!((0.2..0.5).contains(&alpha) && (0.5..1.0).contains(&lightness));
                    }
                    ColourStep::BrightnessContrast { contrast, brightness } => {
                        assert!((0.8..1.2).contains(&contrast));
                        assert!((-0.2..0.2).contains(&brightness));
                    }
                    _ => {}
                }
            }
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        // 0.8^7 = 21 % of the photos keep their colours.
        assert!((950..1150).contains(&untouched), "{untouched}");
    }

    fn position(step: &ColourStep) -> usize {
        match step {
            ColourStep::ToGray => 0,
            ColourStep::Posterize => 1,
            ColourStep::Equalize => 2,
            ColourStep::Sharpen { .. } => 3,
            ColourStep::BrightnessContrast { .. } => 4,
            ColourStep::Solarize => 5,
            ColourStep::ColourJitter(_) => 6,
        }
    }
}
