//! The true matches of a batch, and how far a matcher's probabilities are from them.

use tch::{Device, Kind, Tensor};

use crate::geometry::{Point, Size};
use crate::train::samples::sample::Sample;

/// The true matches of a batch on the feature grid.
#[derive(Debug)]
pub(crate) struct Truth {
    /// Cell of each match's source point among all cells of the batch, `[K]`.
    source_rows: Tensor,
    /// The same of the target points.
    target_rows: Tensor,
    /// How much each cell is the match of each source point, and of each target point: `[K, G * G]`.
    on_target: Tensor,
    on_source: Tensor,
    /// One over the number of matches of the sample: `[K]`.
    weights: Tensor,
}

impl Truth {
    /// Of samples on a grid of `side` by `side` cells.
    pub(crate) fn new(samples: &[Sample], side: i64, sigma: f64, device: Device) -> Self {
        let size = Size::square(side as usize);
        let cell = |point: Point| {
            let pixel = size.pixel_from_unit(point);
            let index = |value: f64| (value.round() as i64).clamp(0, side - 1);
            index(pixel.y) * side + index(pixel.x)
        };
        let (mut source_rows, mut target_rows, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        for (number, sample) in (0..).zip(samples) {
            for (source, target) in &sample.matches {
                source_rows.push(number * side * side + cell(*source));
                target_rows.push(number * side * side + cell(*target));
                sources.push(size.pixel_from_unit(*source));
                targets.push(size.pixel_from_unit(*target));
                weights.push(1.0 / sample.matches.len() as f32);
            }
        }
        Self {
            source_rows: Tensor::from_slice(&source_rows).to_device(device),
            target_rows: Tensor::from_slice(&target_rows).to_device(device),
            on_target: spots(&targets, side, sigma).to_device(device),
            on_source: spots(&sources, side, sigma).to_device(device),
            weights: Tensor::from_slice(&weights).to_device(device),
        }
    }

    /// Cross entropy of the matches under the softmaxes of `logits` `[B, S, T]` over targets and over
    /// sources: the mean of both and over each sample's matches, summed over the samples.
    pub(crate) fn cross_entropy(&self, logits: &Tensor) -> Tensor {
        let transposed = logits.transpose(1, 2);
        let forward = self.one_way(logits, &self.source_rows, &self.on_target);
        let back = self.one_way(&transposed, &self.target_rows, &self.on_source);
        (forward + back) / 2.0
    }

    fn one_way(&self, logits: &Tensor, rows: &Tensor, truth: &Tensor) -> Tensor {
        let chosen = logits.flatten(0, 1).index_select(0, rows); // [K, G * G]
        let entropies = (truth * chosen.log_softmax(-1, Kind::Float))
            .sum_dim_intlist([1].as_slice(), false, Kind::Float)
            .neg();
        (entropies * &self.weights).sum(Kind::Float)
    }
}

/// A normal distribution over the cells around each point, `[K, side * side]`, rows summing to 1.
fn spots(points: &[Point], side: i64, sigma: f64) -> Tensor {
    let mut values = Vec::with_capacity(points.len() * (side * side) as usize);
    for point in points {
        let start = values.len();
        for index in 0..side * side {
            let cell = Point::new((index % side) as f64, (index / side) as f64);
            values.push((-(cell.distance(*point) / sigma).powi(2) / 2.0).exp() as f32);
        }
        let sum: f32 = values[start..].iter().sum();
        values[start..].iter_mut().for_each(|value| *value /= sum);
    }
    Tensor::from_slice(&values).view([points.len() as i64, side * side])
}
