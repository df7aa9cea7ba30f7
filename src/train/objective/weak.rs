//! The objective of NC-Net (Rocco et al. 2018, section 3.4), which needs no points: what shows the same kind of thing is to
//! match better than what does not.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::model::Model;
use crate::model::features::Features;
use crate::model::matcher::ncnet::NcNet;
use crate::model::part::Tagged;
use crate::nn::runtime::recompute::Recompute;
use crate::train::objective::batch::Batch;
use crate::train::objective::{Objective, ObjectiveConfig, Start, Term};
use crate::train::rules::Rule;

/// There is nothing to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakSettings {}

impl Tagged for WeakSettings {
    const KIND: &'static str = "weak";
}

impl ObjectiveConfig for WeakSettings {
    fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    fn build(&self, start: &Start) -> Result<Box<dyn Objective>> {
        // Better known before the first step.
        ncnet(start.model)?;
        Ok(Box::new(*self))
    }
}

fn ncnet(model: &Model) -> Result<&NcNet> {
    let matcher = model.matcher().as_any().downcast_ref();
    matcher.context("the objective `weak` trains NC-Net's matcher")
}

impl Objective for WeakSettings {
    /// A batch of one pair has no other to compare it with.
    fn terms(&self, batch: &Batch) -> Vec<Term> {
        let count = if batch.samples.len() > 1 { batch.samples.len() as f64 } else { 0.0 };
        vec![Term { name: "weak_loss", weight: 1.0, count }]
    }

    fn sums<'a>(&'a self, batch: &Batch<'a>, recompute: &Recompute<'a>) -> Result<Vec<Tensor>> {
        let pairs = batch.samples.len() as i64;
        ensure!(
            pairs > 1 || batch.now.step > 0,
            "NC-Net's loss compares the pairs of a batch with one another: choose --batch-size 2 or more"
        );
        let matcher = ncnet(batch.model)?;
        let [source, target] = batch.model.features_of_pairs(&batch.images(), recompute).halves();
        Ok(vec![sum_of_margins(matcher, &source, &target)])
    }
}

/// How much better the next pair's source, which shows something else, matches each target than its own does, summed
/// over the pairs.
pub(crate) fn sum_of_margins(matcher: &NcNet, source: &Features, target: &Features) -> Tensor {
    let other = source.map(|level| level.tokens.roll([-1], [0]));
    let score = |source| score(&matcher.filtered(source, target));
    score(&other) - score(source)
}

/// How surely each cell of either photo has one match, summed over the pairs.
///
/// # Shapes
/// `matches` `[B, S, T]`, result one value.
fn score(matches: &Tensor) -> Tensor {
    let of = |axis: i64| {
        let best = matches.softmax(axis, None::<Kind>).amax([axis], false); // [B, N]
        best.mean_dim([1].as_slice(), false, None::<Kind>).sum(Kind::Float)
    };
    (of(1) + of(2)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_one_match_scores_more_than_what_has_many() {
        let sharp = Tensor::eye(4, (Kind::Float, tch::Device::Cpu)).unsqueeze(0) * 50.0;
        let flat = sharp.ones_like();
        let of = |matches: &Tensor| score(matches).double_value(&[]);
        assert!((of(&sharp) - 1.0).abs() < 1e-6 && (of(&flat) - 0.25).abs() < 1e-6);
        // Of several pairs the sum.
        assert!((of(&Tensor::cat(&[sharp, flat], 0)) - 1.25).abs() < 1e-6);
    }
}
