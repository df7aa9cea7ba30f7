//! How samples are made, and what annotated and warped ones share: photos resized and coloured.

use image::RgbImage;
use rand::Rng;

use crate::data::photo::orientation::Exif;
use crate::data::photo::resize::resize_like_pillow;
use crate::data::photo::resize_opencv::resize_like_opencv;
use crate::geometry::{Point, Size};
use crate::model::backbone::Normalisation;
use crate::train::samples::augment::{AugmentationConfig, draw_colour_steps};
use crate::train::samples::planes::Planes;
use crate::train::samples::target::FlowGrid;
use crate::train::samples::warp::WarpConfig;

/// How samples are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampleSettings {
    /// The run's seed.
    pub seed: u64,
    /// The network's flow grid in its frame.
    pub grid: FlowGrid,
    /// How the backbone wants its input.
    pub normalisation: Normalisation,
    /// What is done about their EXIF orientation.
    pub exif: Exif,
    /// How photos are changed.
    pub augmentation: AugmentationConfig,
    /// How plain photos become pairs.
    pub warp: WarpConfig,
}

impl SampleSettings {
    pub(super) fn frame(&self) -> Size {
        Size::square(self.grid.frame)
    }

    /// Stretches a photo to the frame. Parity: the training loader does not antialias.
    pub(super) fn resize(&self, photo: &RgbImage) -> RgbImage {
        if self.augmentation.enabled {
            resize_like_opencv(photo, self.frame())
        } else {
            resize_like_pillow(photo, self.frame())
        }
    }

    pub(super) fn coloured(&self, rng: &mut impl Rng, mut photo: RgbImage) -> Planes {
        if self.augmentation.enabled {
            for step in draw_colour_steps(rng, self.augmentation.colour_probability) {
                step.apply(&mut photo);
            }
        }
        Planes::from_image(&photo, self.normalisation)
    }
}

/// Whether a point lies in the unit square, its right and lower rim left out.
pub(super) fn in_unit(point: Point) -> bool {
    (0.0..1.0).contains(&point.x) && (0.0..1.0).contains(&point.y)
}
