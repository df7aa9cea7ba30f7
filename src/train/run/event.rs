//! What a run tells while it works.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::nn::parameters::Group;
use crate::train::config::TrainConfig;
use crate::train::folder::state::Start;
use crate::train::objective::Mean;
use crate::train::optim::step::Losses;
use crate::train::run::prospect::{Reach, Verdict};
use crate::train::samples::left_out::Omissions;
use crate::train::samples::sampler::Position;

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The run is about to begin or go on.
    Plan(&'a Plan),
    /// An epoch begins or goes on.
    Epoch {
        /// Its number, from 0.
        epoch: u64,
        /// Its samples.
        samples: usize,
        /// Those of them already seen.
        done: usize,
    },
    /// An optimizer step is done.
    Step(&'a StepReport),
    /// How long the rest will take, judged by the first steps; validation not counted.
    Estimate(Duration),
    /// Validation begins.
    Validation {
        /// Pairs to score.
        pairs: usize,
    },
    /// Some pairs are scored.
    ValidationProgress {
        /// How many.
        done: usize,
    },
    /// How the weights do before the first step.
    Start(Start),
    /// An epoch is over.
    EpochDone(&'a EpochReport),
    /// What came of all epochs.
    Verdict(Verdict),
}

/// What will be trained.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Every setting.
    pub config: TrainConfig,
    /// Where the weights come from.
    pub origin: String,
    /// What a user of an older weight file should know.
    pub notes: Vec<String>,
    /// The groups of parameters.
    pub groups: Vec<(Group, Parameters)>,
    /// Training pairs.
    pub samples: usize,
    /// Different photos among them.
    pub photos: usize,
    /// Validation pairs.
    pub validation_pairs: usize,
    /// What users should know of the data, a sentence each.
    pub data_notes: Vec<String>,
    /// Photos that cannot be decoded.
    pub omissions: Omissions,
    /// How validation scores.
    pub score: String,
    /// Optimizer steps of the whole run.
    pub steps: u64,
    /// Processes that share the work.
    pub processes: usize,
    /// Where the run stands.
    pub position: Position,
    /// Optimizer steps done.
    pub step: u64,
    /// How far the run can move the weights; `None` for one that has begun.
    pub reach: Option<Reach>,
    /// What is different from now on, for a run that goes on.
    pub changes: Vec<String>,
}

/// What a group of parameters comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parameters {
    /// How many values, buffers left out.
    pub count: u64,
    /// The group's learning rate at the beginning; 0 for a frozen one.
    pub learning_rate: f64,
}

/// One optimizer step; also a line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepReport {
    /// Optimizer steps done.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// What came of it.
    pub losses: Losses,
    /// The learning rate of each group of parameters.
    pub learning_rates: Vec<(Group, f64)>,
    /// Pairs of the epoch seen so far.
    pub done: usize,
    /// Pairs per second since the last line.
    pub pairs_per_second: f64,
    /// Of several processes, seconds of the step that went into the sums of gradients over all of them, with waiting
    /// for the slowest.
    pub reduction_seconds: Option<f64>,
}

impl StepReport {
    /// The line.
    pub(crate) fn line(&self) -> Value {
        let mut line = Map::new();
        let mut put = |key: &str, value: Value| drop(line.insert(key.to_owned(), value));
        put("step", self.step.into());
        put("epoch", self.epoch.into());
        put("loss", self.losses.total().into());
        let means = &self.losses.means;
        means.iter().for_each(|mean| put(mean.name, mean.value.into()));
        let weight = |mean: &Mean| (mean.name.to_owned(), Value::from(mean.weight));
        put("weights", Value::Object(means.iter().map(weight).collect()));
        put("gradient_norm", self.losses.gradient_norm.into());
        for (group, rate) in &self.learning_rates {
            let key = match *group {
                Group::HEAD => "learning_rate".to_owned(),
                Group(name) => format!("{name}_learning_rate"),
            };
            put(&key, (*rate).into());
        }
        put("pairs_per_second", self.pairs_per_second.into());
        if let Some(seconds) = self.reduction_seconds {
            put("reduction_seconds", seconds.into());
        }
        Value::Object(line)
    }

    /// The same for TensorBoard.
    pub(crate) fn scalars(&self) -> Vec<(String, f64)> {
        let mut scalars = vec![("train/loss".to_owned(), self.losses.total())];
        for Mean { name, weight, value } in &self.losses.means {
            scalars.push((format!("train/{name}"), *value));
            scalars.push((format!("train/weight/{name}"), *weight));
        }
        scalars.push(("train/gradient_norm".to_owned(), self.losses.gradient_norm));
        scalars.push(("train/pairs_per_second".to_owned(), self.pairs_per_second));
        let reduction =
            self.reduction_seconds.map(|time| ("train/reduction_seconds".to_owned(), time));
        scalars.extend(reduction);
        let rate = |(group, rate): &(Group, f64)| (format!("learning_rate/{}", group.0), *rate);
        scalars.extend(self.learning_rates.iter().map(rate));
        scalars
    }
}

/// One epoch; also a line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EpochReport {
    /// Optimizer steps done.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// Mean loss over its batches.
    pub mean_loss: f64,
    /// The same of the loss's terms, by name.
    pub means: Vec<(String, f64)>,
    /// PCK of the validation pairs, in percent.
    pub validation_pck: f64,
    /// Whether that is the best so far.
    pub best: bool,
}

impl EpochReport {
    /// The line.
    pub(crate) fn line(&self) -> Value {
        let mut line = Map::new();
        let mut put = |key: &str, value: Value| drop(line.insert(key.to_owned(), value));
        put("step", self.step.into());
        put("epoch", self.epoch.into());
        put("mean_loss", self.mean_loss.into());
        self.means.iter().for_each(|(name, mean)| put(&format!("mean_{name}"), (*mean).into()));
        put("validation_pck", self.validation_pck.into());
        put("best", self.best.into());
        Value::Object(line)
    }

    /// The same for TensorBoard.
    pub(crate) fn scalars(&self) -> Vec<(String, f64)> {
        let mean = |(name, mean): &(String, f64)| (format!("epoch/mean_{name}"), *mean);
        let loss = ("epoch/mean_loss".to_owned(), self.mean_loss);
        let pck = ("validation/pck".to_owned(), self.validation_pck);
        [pck, loss].into_iter().chain(self.means.iter().map(mean)).collect()
    }
}
