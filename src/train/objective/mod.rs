//! What training minimises.
//!
//! A matcher names its objective; [`list`] says what there is. A further objective is one new file beside
//! this one and one line there: nothing else knows the names of its terms or its settings.

pub(crate) mod batch;
pub(crate) mod contrastive;
pub(crate) mod distillation;
pub(crate) mod flow;
pub(crate) mod keypoints;
pub(crate) mod list;
pub(crate) mod matching;
pub(crate) mod points;
pub(crate) mod tables;
#[cfg(test)]
pub(crate) mod toy;
pub(crate) mod truth;
pub(crate) mod weak;

use std::fmt::Debug;

use anyhow::Result;
use tch::Tensor;

use crate::model::Model;
use crate::model::matcher::lpmflow::config::Ablation;
use crate::model::part::Settings;
use crate::nn::runtime::recompute::Recompute;
use crate::train::objective::batch::Batch;
use crate::train::rules::Rule;

/// The settings of an objective: a table of the training configuration.
pub(crate) trait ObjectiveConfig: Settings {
    /// What the settings must keep to.
    fn rules(&self) -> Vec<Rule>;

    /// The objective of a run.
    ///
    /// # Errors
    /// When the model cannot be trained so, or something that is needed for it cannot be read.
    fn build(&self, start: &Start) -> Result<Box<dyn Objective>>;
}

/// What an objective is built for.
pub(crate) struct Start<'a> {
    /// The model under training.
    pub model: &'a Model,
    /// Parts of the network or its training that are left out.
    pub ablations: &'a [Ablation],
    /// The model once more with the values that the run began with; built when it is asked for.
    pub teacher: &'a dyn Fn() -> Result<Model>,
}

/// What is minimised: a weighed sum of the means of its terms.
pub(crate) trait Objective: Debug {
    /// The terms of a batch, known from its samples: their names and their order are the same for all
    /// batches of a step.
    fn terms(&self, batch: &Batch) -> Vec<Term>;

    /// The sum of each term over the batch, one value each; gradients flow through those that are
    /// minimised.
    ///
    /// # Errors
    /// When the samples do not suit the model.
    fn sums<'a>(&'a self, batch: &Batch<'a>, recompute: &Recompute<'a>) -> Result<Vec<Tensor>>;
}

/// One part of what is minimised, or a number to watch (of weight 0).
///
/// Its mean is taken over all batches of a step and all processes, so that a step does not depend on how its
/// samples are spread over batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Term {
    /// The name under which it is reported.
    pub name: &'static str,
    /// What its mean is multiplied by.
    pub weight: f64,
    /// How many items the batch's sum has.
    pub count: f64,
}

/// The mean of a term over a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    /// The term's name.
    pub name: &'static str,
    /// The term's weight.
    pub weight: f64,
    /// The mean, not weighed; 0 where there was nothing to take it over.
    pub value: f64,
}
