//! The distillation loss: features stay as a teacher has them, beside the objects or everywhere.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::geometry::{BoundingBox, Point, Size};
use crate::model::features::Features;
use crate::train::samples::sample::Sample;

/// Where features are to stay as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Area {
    /// Beside the object's box; nowhere in a photo without one.
    BesideObjects,
    /// In all cells of all photos.
    Everywhere,
}

impl Area {
    /// The area's cells of all sources, then of all targets: `[2 B, G * G]`, of kind Float, 1 or 0.
    pub(crate) fn mask(self, samples: &[Sample], side: i64, device: Device) -> Tensor {
        let cells: Vec<f32> = self.cells(samples, side).map(f32::from).collect();
        Tensor::from_slice(&cells).view([-1, side * side]).to_device(device)
    }

    /// How many cells that is.
    pub(crate) fn count(self, samples: &[Sample], side: i64) -> f64 {
        self.cells(samples, side).filter(|&held| held).count() as f64
    }

    fn cells(self, samples: &[Sample], side: i64) -> impl Iterator<Item = bool> {
        let size = Size::square(side as usize);
        let boxes =
            [0, 1].into_iter().flat_map(move |end| samples.iter().map(move |s| s.objects[end]));
        let outside = move |object: Option<BoundingBox>, index: i64| {
            let cell = Point::new((index % side) as f64, (index / side) as f64);
            let Point { x, y } = size.unit_from_pixel(cell);
            object.is_some_and(|o| x < o.x1 || x > o.x2 || y < o.y1 || y > o.y2)
        };
        boxes.flat_map(move |object| {
            (0..side * side).map(move |index| self == Self::Everywhere || outside(object, index))
        })
    }
}

/// How far unit features have moved: 1 - cosine, summed over the cells that `kept` `[N, G * G]` marks.
pub(crate) fn distillation_loss(now: &Features, before: &Features, kept: &Tensor) -> Tensor {
    let products = &now.last().patches() * before.last().patches();
    let moved = products.sum_dim_intlist([2].as_slice(), false, Kind::Float) * -1.0 + 1.0; // [N, G * G]
    (moved * kept).sum(Kind::Float)
}
