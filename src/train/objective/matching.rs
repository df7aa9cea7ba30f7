//! The objective of matchers that have nothing to learn themselves: the features are to make true matches
//! win, in both directions, and are to stay as they were where no object is shown.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::model::Model;
use crate::model::matcher::consensus::{Consensus, Logits};
use crate::model::part::Tagged;
use crate::nn::runtime::recompute::Recompute;
use crate::train::objective::batch::Batch;
use crate::train::objective::distillation::{Area, distillation_loss};
use crate::train::objective::flow::{END_POINT_ERROR, end_point_error};
use crate::train::objective::truth::Truth;
use crate::train::objective::{Objective, ObjectiveConfig, Start, Term};
use crate::train::rules::{Rule, not_negative, positive};

/// How the parts of the loss weigh.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MatchingSettings {
    /// Weight of the true matches' cross entropy after the last round of consensus.
    pub consensus_weight: f64,
    /// Weight of their cross entropy by the cosines alone.
    pub cosine_weight: f64,
    /// What the cosines are divided by in it.
    pub cosine_temperature: f64,
    /// Standard deviation, in cells, of what counts as the true match.
    pub sigma: f64,
    /// Weight of the change of features; 0 lets them go anywhere.
    pub distillation_weight: f64,
    /// Where features are held so.
    pub distillation_area: Area,
}

impl Default for MatchingSettings {
    fn default() -> Self {
        Self {
            consensus_weight: 1.0,
            cosine_weight: 1.0,
            cosine_temperature: 0.05,
            sigma: 0.7,
            distillation_weight: 10.0,
            distillation_area: Area::BesideObjects,
        }
    }
}

impl Tagged for MatchingSettings {
    const KIND: &'static str = "matching";
}

impl ObjectiveConfig for MatchingSettings {
    fn rules(&self) -> Vec<Rule> {
        let weights = [self.consensus_weight, self.cosine_weight, self.distillation_weight];
        vec![
            (
                weights.into_iter().all(not_negative),
                "matching.consensus_weight, cosine_weight and distillation_weight must not be negative or infinite",
            ),
            (
                positive(self.cosine_temperature) && positive(self.sigma),
                "matching.cosine_temperature and sigma must be above 0 and finite",
            ),
        ]
    }

    fn build(&self, start: &Start) -> Result<Box<dyn Objective>> {
        consensus(start.model)?;
        let distils = self.distillation_weight > 0.0;
        let teacher = distils.then(|| (start.teacher)()).transpose()?;
        Ok(Box::new(MatchingObjective { settings: *self, teacher }))
    }
}

/// The objective looks into this matcher.
fn consensus(model: &Model) -> Result<&Consensus> {
    let matcher = model.matcher().as_any().downcast_ref();
    matcher.context("the objective `matching` trains models with the matcher `consensus` alone")
}

#[derive(Debug)]
struct MatchingObjective {
    settings: MatchingSettings,
    /// The model as the run began, if features are held near its.
    teacher: Option<Model>,
}

impl Objective for MatchingObjective {
    fn terms(&self, batch: &Batch) -> Vec<Term> {
        let term = |name, weight, count| Term { name, weight, count };
        let mut terms = vec![term("matching_loss", 1.0, batch.samples.len() as f64)];
        if self.teacher.is_some() {
            let side = batch.model.feature_shape().side();
            let weight = self.settings.distillation_weight;
            let count = self.settings.distillation_area.count(batch.samples, side);
            terms.push(term("distillation_loss", weight, count));
        }
        terms.push(term(END_POINT_ERROR, 0.0, batch.valid_count()));
        terms
    }

    fn sums<'a>(&'a self, batch: &Batch<'a>, recompute: &Recompute<'a>) -> Result<Vec<Tensor>> {
        let (model, settings) = (batch.model, &self.settings);
        let matcher = consensus(model)?;
        let side = model.feature_shape().side();
        let images = batch.images();
        let features = model.features_of_pairs(&images, recompute);
        let [source, other] = features.halves();
        // Pair by pair the maps stay in the processor's cache, which is three times as fast.
        let pair = |index: i64| matcher.logits(&source.narrow(index, 1), &other.narrow(index, 1));
        let logits = Logits::cat(&(0..batch.samples.len() as i64).map(pair).collect::<Vec<_>>());
        let truth = Truth::new(batch.samples, side, settings.sigma, batch.device);
        let agreed = truth.cross_entropy(&logits.consensus);
        let similar = truth.cross_entropy(&(&logits.cosine / settings.cosine_temperature));
        let mut sums = vec![agreed * settings.consensus_weight + similar * settings.cosine_weight];
        if let Some(teacher) = &self.teacher {
            let held = settings.distillation_area.mask(batch.samples, side, batch.device);
            let before = tch::no_grad(|| teacher.features_of_pairs(&images, &Recompute::plain()));
            sums.push(distillation_loss(&features, &before, &held));
        }
        sums.push(tch::no_grad(|| {
            let flow = matcher.flow_of(&logits, side);
            end_point_error(&flow, &batch.target(), &batch.valid())
        }));
        Ok(sums)
    }
}
