//! What a run tells while it works.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::train::config::TrainConfig;
use crate::train::samples::sampler::Position;

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
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
    /// An epoch is over.
    EpochDone(&'a EpochReport),
    /// A checkpoint is written.
    Saved {
        /// The weights.
        path: &'a Path,
        /// Optimizer steps done.
        step: u64,
    },
}

/// What will be trained.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Every setting.
    pub config: TrainConfig,
    /// Where the weights come from.
    pub origin: String,
    /// Values of the backbone, and whether they are trained.
    pub backbone: Parameters,
    /// Values of everything else, and whether they are trained.
    pub rest: Parameters,
    /// Training pairs.
    pub samples: usize,
    /// Different photos among them.
    pub photos: usize,
    /// Validation pairs.
    pub validation_pairs: usize,
    /// How validation scores.
    pub score: String,
    /// Optimizer steps of the whole run.
    pub steps: u64,
    /// Where the run stands.
    pub position: Position,
    /// Optimizer steps done.
    pub step: u64,
}

/// A group of variables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// How many values.
    pub count: u64,
    /// The group's learning rate at the beginning; 0 for a frozen one.
    pub learning_rate: f64,
}

/// One optimizer step; also a line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// Optimizer steps done.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// What was minimised: end-point error plus weighed contrast.
    pub loss: f64,
    /// Mean distance between predicted and target flow, in pixels of the network's grid.
    pub end_point_error: f64,
    /// The contrast of masked tokens, not weighed; 0 without masking.
    pub contrast: f64,
    /// Cross entropy of the true matches, where the matcher itself has nothing to learn; 0 elsewhere.
    pub matches: f64,
    /// How far features beside the objects have moved from the run's first ones; 0 elsewhere.
    pub distillation_loss: f64,
    /// The contrast's weight.
    pub contrastive_weight: f64,
    /// Norm of all gradients together, before clipping.
    pub gradient_norm: f64,
    /// Learning rate of everything but the backbone.
    pub learning_rate: f64,
    /// Learning rate of the backbone.
    pub backbone_learning_rate: f64,
    /// Pairs of the epoch seen so far.
    #[serde(skip)]
    pub done: usize,
    /// Pairs per second since the last line.
    pub pairs_per_second: f64,
}

/// One epoch; also a line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpochReport {
    /// Optimizer steps done.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// Mean loss over its batches.
    pub mean_loss: f64,
    /// Mean end-point error over its batches.
    pub mean_end_point_error: f64,
    /// Mean contrast over its batches.
    pub mean_contrast: f64,
    /// PCK of the validation pairs, in percent.
    pub validation_pck: f64,
    /// Whether that is the best so far.
    pub best: bool,
}
