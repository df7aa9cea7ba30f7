//! The objective of matchers that compare features and learn nothing themselves: the features of annotated points
//! are to find each other.
//!
//! Three losses, as the authors of heads for published backbones train them: the Gaussian cross entropy of MARCO
//! (Cuttano et al. 2026), the contrast between the points of a pair of GeoAware-SC and DIY-SC (Zhang et al. 2024,
//! Dünkel et al. 2025), and their distance from where the matcher sends them.

mod losses;
#[cfg(test)]
mod tests;

use std::cell::LazyCell;
use std::f64::consts::PI;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::geometry::Point;
use crate::model::Model;
use crate::model::features::{Features, interpolated};
use crate::model::part::Tagged;
use crate::nn::runtime::recompute::Recompute;
use crate::train::objective::batch::Batch;
use crate::train::objective::{Objective, ObjectiveConfig, Start, Term};
use crate::train::rules::{Rule, not_negative, positive};
use losses::{contrast, distance, gaussian_cross_entropy};

/// How the losses weigh; those of weight 0 are not computed. The defaults are those of DIY-SC, whose contrast has a
/// temperature that is learned from this one on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KeypointSettings {
    /// Weight of the cross entropy of each source point's similarities with a Gaussian around its match.
    pub gaussian_weight: f64,
    /// What similarities are divided by in it: of cosines about 0.02, of MARCO's products 10.
    pub gaussian_temperature: f64,
    /// Standard deviation of the Gaussian at the beginning of the run, in cells of the features.
    pub sigma: f64,
    /// The same at the end of its fall, which follows half a cosine.
    pub final_sigma: f64,
    /// Steps before it falls.
    pub sigma_warmup_steps: u64,
    /// Steps after which it has fallen.
    pub sigma_steps: u64,
    /// Weight of the contrast of each point with the other points of the pair, both ways.
    pub contrast_weight: f64,
    /// What similarities are divided by in it.
    pub contrast_temperature: f64,
    /// Weight of the distance, in cells of the flow, from where the matcher sends the patch of a source point.
    pub distance_weight: f64,
}

impl Default for KeypointSettings {
    fn default() -> Self {
        Self {
            gaussian_weight: 0.0,
            gaussian_temperature: 0.02,
            sigma: 3.5,
            final_sigma: 1.0,
            sigma_warmup_steps: 1000,
            sigma_steps: 12_000,
            contrast_weight: 1.0,
            contrast_temperature: 0.07,
            distance_weight: 1.0,
        }
    }
}

/// What is minimised of a pair's points.
#[derive(Clone, Copy)]
enum Loss {
    Gaussian,
    Contrast,
    Distance,
}

impl KeypointSettings {
    /// The losses that count for something and how much, in the order of the terms.
    fn losses(&self) -> impl Iterator<Item = (Loss, f64)> + use<> {
        let all = [
            (Loss::Gaussian, self.gaussian_weight),
            (Loss::Contrast, self.contrast_weight),
            (Loss::Distance, self.distance_weight),
        ];
        all.into_iter().filter(|(_, weight)| *weight > 0.0)
    }

    /// The Gaussian's standard deviation after so many steps.
    fn sigma(&self, step: u64) -> f64 {
        // Parity: the first step has number 1.
        let (step, first, last) = (step + 1, self.sigma_warmup_steps, self.sigma_steps);
        if step <= first {
            return self.sigma;
        }
        let part = (step - first) as f64 / last.saturating_sub(first).max(1) as f64;
        self.final_sigma
            + (self.sigma - self.final_sigma) * (1.0 + (PI * part.min(1.0)).cos()) / 2.0
    }
}

impl Tagged for KeypointSettings {
    const KIND: &'static str = "keypoints";
}

impl ObjectiveConfig for KeypointSettings {
    fn rules(&self) -> Vec<Rule> {
        let weights = [self.gaussian_weight, self.contrast_weight, self.distance_weight];
        let sizes =
            [self.gaussian_temperature, self.contrast_temperature, self.sigma, self.final_sigma];
        vec![
            (
                weights.into_iter().all(not_negative) && weights.into_iter().any(positive),
                "keypoints.gaussian_weight, contrast_weight and distance_weight must not be negative or \
                 infinite, nor all 0",
            ),
            (
                sizes.into_iter().all(positive),
                "keypoints.gaussian_temperature, contrast_temperature, sigma and final_sigma must be above 0 \
                 and finite",
            ),
        ]
    }

    fn build(&self, start: &Start) -> Result<Box<dyn Objective>> {
        // Better known before the first step.
        start.model.matcher().as_comparing().context(UNFIT)?;
        Ok(Box::new(*self))
    }
}

const UNFIT: &str = "the objective `keypoints` trains models whose matcher compares features alone";

impl Objective for KeypointSettings {
    fn terms(&self, batch: &Batch) -> Vec<Term> {
        let pairs = batch.samples.iter().filter(|sample| !sample.matches.is_empty()).count() as f64;
        let points: usize = batch.samples.iter().map(|sample| sample.matches.len()).sum();
        let term = |(loss, weight)| {
            let (name, count) = match loss {
                Loss::Gaussian => ("gaussian_loss", points as f64),
                Loss::Contrast => ("contrast_loss", pairs),
                Loss::Distance => ("distance_loss", pairs),
            };
            Term { name, weight, count }
        };
        self.losses().map(term).collect()
    }

    fn sums<'a>(&'a self, batch: &Batch<'a>, recompute: &Recompute<'a>) -> Result<Vec<Tensor>> {
        let [source, target] = batch.model.features_of_pairs(&batch.images(), recompute).halves();
        let flow = LazyCell::new(|| batch.model.flow(&source, &target));
        let zero = |_| Tensor::zeros([], (Kind::Float, batch.device));
        let mut sums: Vec<Tensor> = self.losses().map(zero).collect();
        for (index, sample) in (0..).zip(batch.samples) {
            if sample.matches.is_empty() {
                continue;
            }
            let pair = Pair {
                features: [&source, &target].map(|features| features.narrow(index, 1)),
                points: [0, 1].map(|end| points(&sample.matches, end, batch.device)),
                frame: batch.model.config().input_size as f64,
            };
            for (sum, (loss, _)) in sums.iter_mut().zip(self.losses()) {
                *sum += match loss {
                    Loss::Gaussian => pair.gaussian_loss(self, batch)?,
                    Loss::Contrast => pair.contrast_loss(self, batch.model)?,
                    Loss::Distance => distance(&flow.get(index), &pair.corners()),
                };
            }
        }
        Ok(sums)
    }
}

/// The points of one end of the matches in the unit square, `[K, 2]`.
fn points(matches: &[(Point, Point)], end: usize, device: Device) -> Tensor {
    let point = |pair: &(Point, Point)| [pair.0, pair.1][end];
    let values: Vec<f32> =
        matches.iter().map(point).flat_map(|Point { x, y }| [x as f32, y as f32]).collect();
    Tensor::from_slice(&values).view([-1, 2]).to_device(device)
}

/// One pair of a batch.
struct Pair {
    features: [Features; 2],
    /// In the unit square, `[K, 2]`.
    points: [Tensor; 2],
    /// Side of the network's square, in pixels.
    frame: f64,
}

impl Pair {
    /// The points as parts of the side counted from the middle of the first pixel, as the authors have them.
    fn corners(&self) -> [Tensor; 2] {
        self.points.each_ref().map(|points| points - 0.5 / self.frame)
    }

    fn gaussian_loss(&self, settings: &KeypointSettings, batch: &Batch) -> Result<Tensor> {
        let side = batch.model.feature_shape().side();
        let [source, target] =
            self.features.each_ref().map(|features| features.last().patches().get(0));
        let [from, to] = self.corners();
        let compared = batch.model.matcher().as_comparing().context(UNFIT)?;
        let found = compared.descriptors(&interpolated(
            &source.to_kind(Kind::Float),
            side,
            &(from * side as f64),
        ));
        let similarities = found.matmul(&compared.descriptors(&target).transpose(0, 1)); // [K, T]
        // Parity: the first and last pixels of the photo lie in the middle of the first and last cells.
        let truth = to * (self.frame / (self.frame - 1.0) * (side - 1) as f64);
        let logits = similarities / settings.gaussian_temperature;
        Ok(gaussian_cross_entropy(&logits, side, &truth, settings.sigma(batch.now.step)))
    }

    fn contrast_loss(&self, settings: &KeypointSettings, model: &Model) -> Result<Tensor> {
        let side = model.feature_shape().side();
        let compared = model.matcher().as_comparing().context(UNFIT)?;
        let described = |end: usize| {
            let patches = self.features[end].last().patches().get(0);
            compared
                .descriptors(&patches.index_select(0, &losses::patches(&self.corners()[end], side)))
        };
        Ok(contrast(&described(0), &described(1), settings.contrast_temperature))
    }
}
