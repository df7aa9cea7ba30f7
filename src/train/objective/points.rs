//! The objective of matchers that move points by a rule of their own: annotated points are to be moved to their matches,
//! as CHM (Min and Cho 2021) and TransforMatcher (Kim et al. 2022) are trained.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::geometry::Point;
use crate::model::matcher::Matcher;
use crate::model::part::Tagged;
use crate::nn::runtime::recompute::Recompute;
use crate::train::objective::batch::Batch;
use crate::train::objective::{Objective, ObjectiveConfig, Start, Term};
use crate::train::rules::Rule;
use crate::train::samples::sample::Sample;

/// There is nothing to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PointSettings {}

impl Tagged for PointSettings {
    const KIND: &'static str = "points";
}

impl ObjectiveConfig for PointSettings {
    fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    fn build(&self, start: &Start) -> Result<Box<dyn Objective>> {
        // Better known before the first step.
        let side = start.model.flow_side();
        let flow = Tensor::zeros([2, side, side], (Kind::Float, Device::Cpu));
        let point = Tensor::zeros([1, 2], (Kind::Float, Device::Cpu));
        let moved = start.model.matcher().moved_points(&flow, &point);
        ensure!(moved.is_some(), UNFIT);
        Ok(Box::new(*self))
    }
}

const UNFIT: &str =
    "the objective `points` trains matchers that move points by a rule of their own";

impl Objective for PointSettings {
    fn terms(&self, batch: &Batch) -> Vec<Term> {
        let count = batch.samples.iter().filter(|sample| !sample.matches.is_empty()).count();
        vec![Term { name: "point_loss", weight: 1.0, count: count as f64 }]
    }

    fn sums<'a>(&'a self, batch: &Batch<'a>, recompute: &Recompute<'a>) -> Result<Vec<Tensor>> {
        let matcher = batch.model.matcher();
        let [source, target] = batch.model.features_of_pairs(&batch.images(), recompute).halves();
        let flow = matcher.forward_train(&source, &target, None, recompute).flow;
        let frame = batch.model.config().input_size;
        Ok(vec![sum_of_distances(matcher, &flow, batch.samples, frame)?])
    }
}

/// The sum over the pairs of how far off their points are on average, moved by the flow `[B, 2, G, G]` in a frame of
/// so many pixels a side.
///
/// # Errors
/// When the matcher has no rule by which points move.
pub(crate) fn sum_of_distances(
    matcher: &dyn Matcher,
    flow: &Tensor,
    samples: &[Sample],
    frame: usize,
) -> Result<Tensor> {
    // Where no pair has points, there still is a gradient: none.
    let mut sum = flow.sum(Kind::Float) * 0.0;
    for (index, sample) in (0..).zip(samples) {
        if sample.matches.is_empty() {
            continue;
        }
        let [from, to] = [0, 1].map(|end| points(sample, end, frame).to_device(flow.device()));
        let moved = matcher.moved_points(&flow.get(index), &from).context(UNFIT)?;
        sum += squared_distance(&moved, &to);
    }
    Ok(sum)
}

/// The points of one end of the matches in parts of the frame, counted from the middle of its first pixel as the
/// authors do: `[K, 2]`.
fn points(sample: &Sample, end: usize, frame: usize) -> Tensor {
    let corner = 0.5 / frame as f64;
    let point = |pair: &(Point, Point)| [pair.0, pair.1][end];
    let values: Vec<f32> = sample
        .matches
        .iter()
        .map(point)
        .flat_map(|Point { x, y }| [(x - corner) as f32, (y - corner) as f32])
        .collect();
    Tensor::from_slice(&values).view([-1, 2])
}

/// The mean over points of the squared distance, in halves of the frame.
fn squared_distance(moved: &Tensor, wanted: &Tensor) -> Tensor {
    let apart = (moved - wanted) * 2.0;
    apart.square().sum_dim_intlist([1].as_slice(), false, None::<Kind>).mean(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_measured_in_halves_of_the_frame() {
        let moved = Tensor::from_slice(&[0.5f32, 0.5, 0.25, 1.0]).view([2, 2]);
        let wanted = Tensor::from_slice(&[1.0f32, 0.5, 0.25, 0.75]).view([2, 2]);
        assert_eq!(squared_distance(&moved, &wanted).double_value(&[]), (1.0 + 0.25) / 2.0);
    }
}
