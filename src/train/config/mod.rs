//! How to train: every setting, with the paper's values as defaults.

pub(crate) mod file;
mod photos;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::nn::parameters::{Group, Parameter};
use crate::processes::buckets::Transfer;
use crate::spelling::meant;
use crate::train::init::ModelChoice;
use crate::train::objective::tables::ObjectiveTables;
use crate::train::optim::choice::OptimizerChoice;
use crate::train::optim::schedule::ScheduleConfig;
use crate::train::rules::{Rule, decay, not_negative};
use crate::train::samples::augment::AugmentationConfig;
use crate::train::samples::dataset::DataConfig;
use crate::train::samples::warp::WarpConfig;

/// A complete training configuration. A file may leave out whatever is as in the paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TrainConfig {
    /// Everything random follows from this number.
    pub seed: u64,
    /// How often every training sample is seen.
    pub epochs: u64,
    /// Instead of `epochs`: optimizer steps of the run, rounded up to whole epochs; small sets are gone
    /// through as often as that takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Samples per batch of each of the processes that the run began with.
    pub batch_size: usize,
    /// How many these were. Another number that goes on with the run makes the same steps.
    pub processes: usize,
    /// Batches whose gradients are added up before the optimizer makes a step.
    pub accumulate: usize,
    /// Learning rate of every group of parameters that has none of its own.
    pub learning_rate: f64,
    /// Learning rate of the backbone; 0 freezes it.
    pub backbone_learning_rate: f64,
    /// Matrix products and convolutions in bfloat16, everything else in float32.
    pub mixed_precision: bool,
    /// Values inside the network are computed again in the backward pass instead of being kept: less
    /// memory, more time, the same result.
    pub checkpoint_activations: bool,
    /// Variables whose names begin so are left as they are.
    pub frozen: Vec<String>,
    /// The numbers in which gradients go from process to process.
    pub gradient_transfer: Transfer,
    /// Gradients are scaled down to this norm where theirs is larger; 0 for no limit.
    pub gradient_clip: f64,
    /// Part of its old self that the moving average of the weights keeps per step; 0 for no average.
    /// With an average, validation and `best.safetensors` use it.
    pub ema_decay: f64,
    /// Optimizer steps from one line of `metrics.jsonl` and point of TensorBoard to the next.
    pub log_every: u64,
    /// Optimizer steps from one checkpoint to the next; one is made after every epoch in any case.
    pub checkpoint_every: u64,
    /// Batches prepared ahead of the network.
    pub prefetch: usize,
    /// What to train on.
    pub data: DataConfig,
    /// What to train.
    pub model: ModelChoice,
    /// Learning rates of groups of parameters by name; these come before the two above.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub group_learning_rates: BTreeMap<String, f64>,
    /// What moves the weights.
    pub optimizer: OptimizerChoice,
    /// How learning rates change.
    pub schedule: ScheduleConfig,
    /// What is minimised: a table for each objective, of which the model's is used.
    #[serde(flatten)]
    pub objectives: ObjectiveTables,
    /// How training photos are changed.
    pub augmentation: AugmentationConfig,
    /// How plain photos become pairs (layout `photos`).
    pub warp: WarpConfig,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 47,
            epochs: 10,
            steps: None,
            batch_size: 32,
            processes: 1,
            accumulate: 1,
            learning_rate: 4e-5,
            backbone_learning_rate: 3e-6,
            mixed_precision: false,
            checkpoint_activations: false,
            frozen: Vec::new(),
            gradient_transfer: Transfer::default(),
            gradient_clip: 0.0,
            ema_decay: 0.0,
            log_every: 10,
            checkpoint_every: 500,
            prefetch: 2,
            data: DataConfig::default(),
            model: ModelChoice::default(),
            group_learning_rates: BTreeMap::new(),
            optimizer: OptimizerChoice::default(),
            schedule: ScheduleConfig::default(),
            objectives: ObjectiveTables::default(),
            augmentation: AugmentationConfig::default(),
            warp: WarpConfig::default(),
        }
    }
}

impl TrainConfig {
    /// Samples of a batch, over all processes.
    pub(crate) fn whole_batch(&self) -> usize {
        self.batch_size * self.processes
    }

    /// The rate that a group of parameters starts with; 0 leaves the group as it is.
    pub(crate) fn base_rate(&self, group: Group) -> f64 {
        match self.group_learning_rates.get(group.0) {
            Some(&rate) => rate,
            None if group == Group::BACKBONE => self.backbone_learning_rate,
            None => self.learning_rate,
        }
    }

    /// Those of a model's parameters that are trained.
    ///
    /// # Errors
    /// When there are none, or what is frozen, or a learning rate, is for parameters that the model does not have.
    pub(crate) fn trained<'a>(&self, parameters: &'a [Parameter]) -> Result<Vec<&'a Parameter>> {
        let groups: BTreeSet<&str> = parameters.iter().map(|parameter| parameter.group.0).collect();
        for name in self.group_learning_rates.keys() {
            let there_are: Vec<String> = groups.iter().map(|group| format!("`{group}`")).collect();
            ensure!(
                groups.contains(name.as_str()),
                "group_learning_rates: the model has no group of parameters `{name}`; there are: {}",
                there_are.join(", ")
            );
        }
        for prefix in &self.frozen {
            let of_any = || parameters.iter().flat_map(|parameter| prefixes(&parameter.name));
            ensure!(
                parameters.iter().any(|parameter| parameter.name.starts_with(prefix)),
                "frozen: the model has no parameter whose name begins with `{prefix}`{}",
                meant(prefix, of_any())
            );
        }
        let trained: Vec<&Parameter> =
            parameters.iter().filter(|parameter| self.trains(parameter)).collect();
        ensure!(!trained.is_empty(), "nothing is trained: all parameters are frozen");
        Ok(trained)
    }

    fn trains(&self, parameter: &Parameter) -> bool {
        let frozen = self.frozen.iter().any(|prefix| parameter.name.starts_with(prefix));
        !parameter.buffer && !frozen && self.base_rate(parameter.group) > 0.0
    }

    /// # Errors
    /// When settings make no sense; all are listed.
    pub(crate) fn check(&self) -> Result<()> {
        let mut rules: Vec<Rule> = self.own_rules().to_vec();
        rules.extend(self.optimizer.settings().rules());
        rules.extend(self.schedule.rules());
        rules.extend(self.objectives.rules());
        rules.extend(self.augmentation.rules());
        rules.extend(self.warp.rules());
        let broken: Vec<&str> =
            rules.into_iter().filter(|(holds, _)| !holds).map(|(_, rule)| rule).collect();
        if !broken.is_empty() {
            bail!("{}", broken.join("; "));
        }
        Ok(())
    }

    fn own_rules(&self) -> [Rule; 15] {
        [
            // What is beyond these limits would end in memory that is not there, or take for ever.
            (
                self.steps.is_none_or(|steps| (1..=1_000_000_000).contains(&steps)),
                "steps must lie in 1 to 1000000000",
            ),
            ((1..=1_000_000_000).contains(&self.epochs), "epochs must lie in 1 to 1000000000"),
            ((1..=1_000_000).contains(&self.data.repeat), "data.repeat must lie in 1 to 1000000"),
            ((1..=65536).contains(&self.batch_size), "batch_size must lie in 1 to 65536"),
            ((1..=65536).contains(&self.processes), "processes must lie in 1 to 65536"),
            ((1..=65536).contains(&self.accumulate), "accumulate must lie in 1 to 65536"),
            (self.prefetch <= 1024, "prefetch must be at most 1024"),
            (
                self.data.validation_pairs <= 1_000_000,
                "data.validation_pairs must be at most 1000000",
            ),
            (self.log_every >= 1, "log_every must be at least 1"),
            (self.checkpoint_every >= 1, "checkpoint_every must be at least 1"),
            (not_negative(self.learning_rate), "learning_rate must not be negative or infinite"),
            (
                not_negative(self.backbone_learning_rate),
                "backbone_learning_rate must not be negative or infinite",
            ),
            (
                self.group_learning_rates.values().copied().all(not_negative),
                "group_learning_rates must not be negative or infinite",
            ),
            (not_negative(self.gradient_clip), "gradient_clip must not be negative or infinite"),
            (decay(self.ema_decay), "ema_decay must lie in 0 to 1, without 1"),
        ]
    }
}

/// What can be frozen of which a parameter is a part: `a`, `a.b` and `a.b.c` for `a.b.c`.
fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.match_indices('.').map(|(end, _)| end).chain([name.len()]);
    ends.map(|end| &name[..end])
}

#[cfg(test)]
mod tests;
