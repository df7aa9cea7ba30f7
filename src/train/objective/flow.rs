//! The paper's objective: the end-point error of the flow, and the contrastive loss of masked tokens.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::model::matcher::lpmflow::config::Ablation;
use crate::model::part::Tagged;
use crate::nn::runtime::recompute::Recompute;
use crate::train::objective::batch::Batch;
use crate::train::objective::contrastive::contrastive_loss;
use crate::train::objective::{Objective, ObjectiveConfig, Start, Term};
use crate::train::rules::{Rule, not_negative};

/// The name of the mean distance between predicted and true flow, in cells of the flow's grid.
pub(crate) const END_POINT_ERROR: &str = "end_point_error";

/// Epochs after which the guided weight stays at its end value.
const GUIDANCE_EPOCHS: u64 = 10;

/// How much the contrastive loss weighs; the defaults are the paper's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FlowSettings {
    /// The contrastive loss's weight in the first epochs; 0 leaves it out.
    pub contrastive_weight: f64,
    /// Whether that weight falls as 1 over the epoch ("gradual guidance").
    pub gradual_guidance: bool,
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self { contrastive_weight: 0.2, gradual_guidance: true }
    }
}

impl FlowSettings {
    /// The contrastive loss's weight in an epoch, counted from 0: with gradual guidance its first weight over
    /// the epoch up to epoch 10, and a tenth of it after that.
    pub(crate) fn weight(&self, epoch: u64) -> f64 {
        if self.gradual_guidance {
            self.contrastive_weight / epoch.clamp(1, GUIDANCE_EPOCHS) as f64
        } else {
            self.contrastive_weight
        }
    }

    /// The settings once the ablations have their way.
    fn without(&self, ablations: &[Ablation]) -> Self {
        let left_out = |part| ablations.contains(&part);
        let contrastive_weight =
            if left_out(Ablation::ContrastiveLoss) { 0.0 } else { self.contrastive_weight };
        let gradual_guidance = self.gradual_guidance && !left_out(Ablation::GradualGuidance);
        Self { contrastive_weight, gradual_guidance }
    }
}

impl Tagged for FlowSettings {
    const KIND: &'static str = "flow";
}

impl ObjectiveConfig for FlowSettings {
    fn rules(&self) -> Vec<Rule> {
        let rule = "loss.contrastive_weight must not be negative or infinite";
        vec![(not_negative(self.contrastive_weight), rule)]
    }

    fn build(&self, start: &Start) -> Result<Box<dyn Objective>> {
        Ok(Box::new(FlowObjective { settings: self.without(start.ablations) }))
    }
}

#[derive(Debug)]
struct FlowObjective {
    settings: FlowSettings,
}

impl Objective for FlowObjective {
    fn terms(&self, batch: &Batch) -> Vec<Term> {
        let name = END_POINT_ERROR;
        let mut terms = vec![Term { name, weight: 1.0, count: batch.valid_count() }];
        let weight = self.settings.weight(batch.now.epoch);
        if let Some(masking) = batch.model.matcher().masking()
            && weight > 0.0
        {
            let count = batch.samples.len() as f64 * masking.chosen as f64;
            terms.push(Term { name: "contrastive_loss", weight, count });
        }
        terms
    }

    fn sums<'a>(&'a self, batch: &Batch<'a>, recompute: &Recompute<'a>) -> Result<Vec<Tensor>> {
        let model = batch.model;
        let [source, other] = model.features_of_pairs(&batch.images(), recompute).halves();
        let ranks = batch.masked_ranks()?;
        let output = model.matcher().forward_train(&source, &other, ranks.as_ref(), recompute);
        let mut sums = vec![end_point_error(&output.flow, &batch.target(), &batch.valid())];
        if let Some(masked) = &output.masked
            && self.settings.weight(batch.now.epoch) > 0.0
        {
            sums.push(contrastive_loss(&masked.tokens, &masked.indices));
        }
        Ok(sums)
    }
}

/// The cells of a sparse target flow that say something: where it is not exactly (0, 0).
///
/// # Shapes
/// `target` `[B, 2, H, W]`; result `[B, H, W]`, of kind Bool.
#[cfg(test)]
pub(crate) fn known_cells(target: &Tensor) -> Tensor {
    target.not_equal(0.0).any_dim(1, false) // [B, H, W]
}

/// End-point error: the sum of the Euclidean distances between two flows over the valid cells of the batch.
///
/// # Shapes
/// `predicted`, `target` `[B, 2, H, W]`; `valid` `[B, H, W]`, of kind Bool; result one value.
pub(crate) fn end_point_error(predicted: &Tensor, target: &Tensor, valid: &Tensor) -> Tensor {
    let distance = (target - predicted).norm_scalaropt_dim(2.0, [1], false); // [B, H, W]
    distance.where_scalarother(valid, 0.0).sum(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(values: &[f32], shape: [i64; 4]) -> Tensor {
        Tensor::from_slice(values).view(shape)
    }

    #[test]
    fn end_point_error_is_the_sum_of_distances_over_known_cells() {
        let target = flow(&[3.0, 0.0, 0.0, 4.0, 0.0, 2.0], [1, 2, 1, 3]);
        let predicted = flow(&[0.0, 50.0, 0.0, 0.0, 70.0, 0.0], [1, 2, 1, 3]);
        let valid = known_cells(&target);
        assert_eq!(Vec::<bool>::try_from(valid.flatten(0, -1)).unwrap(), [true, false, true]);
        let error = end_point_error(&predicted, &target, &valid).double_value(&[]);
        assert_eq!(error, 5.0 + 2.0);
    }

    #[test]
    fn a_perfect_cell_and_a_batch_without_known_cells_have_finite_gradients() {
        let target = flow(&[1.0, 0.0, 1.0, 0.0], [1, 2, 1, 2]);
        for valid in [known_cells(&target), known_cells(&target.zeros_like())] {
            let predicted = target.copy().set_requires_grad(true);
            let error = end_point_error(&predicted, &target, &valid);
            error.backward();
            assert_eq!(error.double_value(&[]), 0.0);
            assert_eq!(predicted.grad().abs().sum(Kind::Float).double_value(&[]), 0.0);
        }
    }

    #[test]
    fn unknown_cells_do_not_reach_the_gradient_even_when_they_overflow() {
        let target = flow(&[1.0, 0.0, 1.0, 0.0], [1, 2, 1, 2]);
        let predicted = flow(&[1.0, 3e38, 4.0, 3e38], [1, 2, 1, 2]).set_requires_grad(true);
        let error = end_point_error(&predicted, &target, &known_cells(&target));
        error.backward();
        assert_eq!(error.double_value(&[]), 3.0);
        assert!(predicted.grad().isfinite().all().int64_value(&[]) == 1);
    }

    #[test]
    fn gradual_guidance_falls_to_a_tenth_and_stays() {
        let loss = FlowSettings::default();
        let rates = [0, 1, 2, 5, 10, 11, 300].map(|epoch| loss.weight(epoch));
        for (rate, wanted) in rates.into_iter().zip([0.2, 0.2, 0.1, 0.04, 0.02, 0.02, 0.02]) {
            assert!((rate - wanted).abs() < 1e-15);
        }
        let steady = FlowSettings { gradual_guidance: false, ..loss };
        assert_eq!(steady.weight(300), 0.2);
    }

    #[test]
    fn two_ablations_change_the_settings_and_the_others_leave_them() {
        use clap::ValueEnum;
        let full = FlowSettings::default();
        for &part in Ablation::value_variants() {
            let wanted = match part {
                Ablation::GradualGuidance => FlowSettings { gradual_guidance: false, ..full },
                Ablation::ContrastiveLoss => FlowSettings { contrastive_weight: 0.0, ..full },
                _ => full,
            };
            assert_eq!(full.without(&[part]), wanted, "{part:?}");
        }
    }
}
