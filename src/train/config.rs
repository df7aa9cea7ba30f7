//! How to train: every setting, with the paper's values as defaults.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::model::matcher::lpmflow::config::Ablation;
use crate::nn::parameters::{Group, Parameter};
use crate::train::init::ModelChoice;
use crate::train::objective::flow::LossConfig;
use crate::train::objective::matching::MatchesConfig;
use crate::train::optim::adamw::AdamWConfig;
use crate::train::optim::schedule::ScheduleConfig;
use crate::train::samples::dataset::DataConfig;
use crate::train::samples::warp::WarpConfig;

/// A complete training configuration. A file may leave out whatever is as in the paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Everything random follows from this number.
    pub seed: u64,
    /// How often every training sample is seen.
    pub epochs: u64,
    /// Samples per batch.
    pub batch_size: usize,
    /// Batches whose gradients are added up before the optimizer makes a step.
    pub accumulate: usize,
    /// Learning rate of everything but the backbone.
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
    /// AdamW's constants.
    pub optimizer: AdamWConfig,
    /// How learning rates change.
    pub schedule: ScheduleConfig,
    /// How the parts of the loss weigh.
    pub loss: LossConfig,
    /// What is minimised for models that learn by matches (`lite`).
    pub matches: MatchesConfig,
    /// How training photos are changed.
    pub augmentation: AugmentationConfig,
    /// How plain photos become pairs (layout `photos`).
    pub warp: WarpConfig,
}

/// How training photos are changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentationConfig {
    /// Off: photos are prepared as for evaluation (antialiased resize, colours and extent as they are).
    pub enabled: bool,
    /// Probability of each of the seven colour steps.
    pub colour_probability: f64,
    /// Probability of a random crop.
    pub crop_probability: f64,
}

impl Default for AugmentationConfig {
    fn default() -> Self {
        Self { enabled: true, colour_probability: 0.2, crop_probability: 0.7 }
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 47,
            epochs: 10,
            batch_size: 32,
            accumulate: 1,
            learning_rate: 4e-5,
            backbone_learning_rate: 3e-6,
            mixed_precision: false,
            checkpoint_activations: false,
            frozen: Vec::new(),
            gradient_clip: 0.0,
            ema_decay: 0.0,
            log_every: 10,
            checkpoint_every: 500,
            prefetch: 2,
            data: DataConfig::default(),
            model: ModelChoice::default(),
            optimizer: AdamWConfig::default(),
            schedule: ScheduleConfig::default(),
            loss: LossConfig::default(),
            matches: MatchesConfig::default(),
            augmentation: AugmentationConfig::default(),
            warp: WarpConfig::default(),
        }
    }
}

impl TrainConfig {
    /// Reads a configuration, complete or not.
    ///
    /// # Errors
    /// When it is not TOML, has unknown keys (all are listed, each with the nearest valid name), or a
    /// value of the wrong kind or beyond its limits.
    pub fn from_toml(text: &str) -> Result<Self> {
        let given: Table = text.parse().context("it is not valid TOML")?;
        let known =
            Table::try_from(Self::with_every_key()).context("writing the default configuration")?;
        let unknown = unknown_keys(&given, &known, "");
        if !unknown.is_empty() {
            bail!("unknown keys: {}", unknown.join(", "));
        }
        // From the text, not the table, so that errors show the line.
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// The complete configuration as TOML.
    ///
    /// # Errors
    /// When a number is beyond what TOML can hold.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).context("writing the configuration as TOML")
    }

    /// The defaults, with something for the keys that may be absent.
    fn with_every_key() -> Self {
        Self {
            data: DataConfig::with_every_key(),
            model: ModelChoice::with_every_key(),
            ..Self::default()
        }
    }

    /// The rate that a group of variables starts with; 0 leaves the group as it is.
    pub fn base_rate(&self, group: Group) -> f64 {
        if group == Group::BACKBONE { self.backbone_learning_rate } else { self.learning_rate }
    }

    /// Whether a variable is trained.
    pub fn trains(&self, variable: &Parameter) -> bool {
        let frozen = self.frozen.iter().any(|prefix| variable.name.starts_with(prefix));
        !variable.buffer && !frozen && self.base_rate(variable.group) > 0.0
    }

    /// How the parts of the loss weigh once the ablations have their way.
    pub fn effective_loss(&self) -> LossConfig {
        let left_out = |part| self.model.ablate.contains(&part);
        LossConfig {
            contrastive_weight: if left_out(Ablation::ContrastiveLoss) {
                0.0
            } else {
                self.loss.contrastive_weight
            },
            gradual_guidance: self.loss.gradual_guidance && !left_out(Ablation::GradualGuidance),
        }
    }

    /// # Errors
    /// When settings make no sense; all are listed.
    pub fn check(&self) -> Result<()> {
        let Self { augmentation, optimizer, schedule, loss, matches, warp, .. } = self;
        let probability = |value: f64| (0.0..=1.0).contains(&value);
        let not_negative = |value: f64| value >= 0.0 && value.is_finite();
        let decay = |value: f64| (0.0..1.0).contains(&value);
        let rules = [
            (self.epochs >= 1, "epochs must be at least 1"),
            (self.batch_size >= 1, "batch_size must be at least 1"),
            (self.accumulate >= 1, "accumulate must be at least 1"),
            (self.log_every >= 1, "log_every must be at least 1"),
            (self.checkpoint_every >= 1, "checkpoint_every must be at least 1"),
            (not_negative(self.learning_rate), "learning_rate must not be negative"),
            (
                not_negative(self.backbone_learning_rate),
                "backbone_learning_rate must not be negative",
            ),
            (not_negative(self.gradient_clip), "gradient_clip must not be negative"),
            (decay(self.ema_decay), "ema_decay must lie in 0 to 1, without 1"),
            (decay(optimizer.beta1), "optimizer.beta1 must lie in 0 to 1, without 1"),
            (decay(optimizer.beta2), "optimizer.beta2 must lie in 0 to 1, without 1"),
            (
                optimizer.epsilon > 0.0 && optimizer.epsilon.is_finite(),
                "optimizer.epsilon must be above 0",
            ),
            (not_negative(optimizer.weight_decay), "optimizer.weight_decay must not be negative"),
            (not_negative(schedule.factor), "schedule.factor must not be negative"),
            (not_negative(schedule.floor), "schedule.floor must not be negative"),
            (not_negative(loss.contrastive_weight), "loss.contrastive_weight must not be negative"),
            (
                [matches.consensus_weight, matches.cosine_weight, matches.distillation_weight]
                    .into_iter()
                    .all(not_negative),
                "matches.consensus_weight, cosine_weight and distillation_weight must not be negative",
            ),
            (
                [matches.cosine_temperature, matches.sigma]
                    .into_iter()
                    .all(|value| value > 0.0 && value.is_finite()),
                "matches.cosine_temperature and sigma must be above 0",
            ),
            (
                probability(augmentation.colour_probability),
                "augmentation.colour_probability must lie in 0 to 1",
            ),
            (
                probability(augmentation.crop_probability),
                "augmentation.crop_probability must lie in 0 to 1",
            ),
            (probability(warp.bend_probability), "warp.bend_probability must lie in 0 to 1"),
            (
                warp.scale >= 1.0 && warp.scale <= 10.0,
                "warp.scale is a factor and must lie in 1 to 10",
            ),
            (
                warp.stretch >= 1.0 && warp.stretch <= 10.0,
                "warp.stretch is a factor and must lie in 1 to 10",
            ),
            (
                [warp.rotation, warp.shear, warp.shift, warp.bend].into_iter().all(not_negative),
                "warp.rotation, shear, shift and bend must not be negative",
            ),
        ];
        let broken: Vec<&str> =
            rules.into_iter().filter(|(holds, _)| !holds).map(|(_, rule)| rule).collect();
        if !broken.is_empty() {
            bail!("{}", broken.join("; "));
        }
        Ok(())
    }
}

/// The keys of `given` that `known` lacks, with the nearest one it has.
fn unknown_keys(given: &Table, known: &Table, prefix: &str) -> Vec<String> {
    let mut unknown = Vec::new();
    for (key, value) in given {
        match (value, known.get(key)) {
            (Value::Table(given), Some(Value::Table(known))) => {
                unknown.extend(unknown_keys(given, known, &format!("{prefix}{key}.")));
            }
            (_, Some(_)) => {}
            (_, None) => {
                let nearest = known
                    .keys()
                    .max_by(|a, b| similarity(key, a).total_cmp(&similarity(key, b)))
                    .map(|nearest| format!(" (did you mean `{prefix}{nearest}`?)"));
                unknown.push(format!("`{prefix}{key}`{}", nearest.unwrap_or_default()));
            }
        }
    }
    unknown
}

fn similarity(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::optim::schedule::Decay;

    fn error(text: &str) -> String {
        format!("{:#}", TrainConfig::from_toml(text).unwrap_err())
    }

    #[test]
    fn every_setting_survives_the_way_through_a_file() {
        let config = TrainConfig {
            seed: u64::from(u32::MAX) + 1,
            epochs: 3,
            batch_size: 5,
            learning_rate: 1.25e-7,
            schedule: ScheduleConfig {
                decay: Decay::Cosine,
                milestones: Vec::new(),
                ..ScheduleConfig::default()
            },
            augmentation: AugmentationConfig { enabled: false, ..AugmentationConfig::default() },
            ..TrainConfig::default()
        };
        assert_eq!(TrainConfig::from_toml(&config.to_toml().unwrap()).unwrap(), config);
        let default = TrainConfig::default().to_toml().unwrap();
        assert_eq!(TrainConfig::from_toml(&default).unwrap(), TrainConfig::default());
    }

    #[test]
    fn what_a_file_leaves_out_is_as_in_the_paper() {
        let config = TrainConfig::from_toml("epochs = 2\n[schedule]\ndecay = \"cosine\"").unwrap();
        assert_eq!((config.epochs, config.batch_size, config.seed), (2, 32, 47));
        assert_eq!(config.schedule.decay, Decay::Cosine);
        assert_eq!(config.schedule.milestones, [100, 150, 250]);
    }

    #[test]
    fn all_unknown_keys_are_named_with_the_nearest_valid_one() {
        let error = error("learning_rat = 1.0\n[optimizer]\nwieght_decay = 0.1\n[shedule]\n");
        assert!(error.contains("`learning_rat` (did you mean `learning_rate`?)"), "{error}");
        assert!(
            error.contains("`optimizer.wieght_decay` (did you mean `optimizer.weight_decay`?)")
        );
        assert!(error.contains("`shedule` (did you mean `schedule`?)"), "{error}");
    }

    #[test]
    fn two_ablations_change_the_loss_and_the_others_leave_it() {
        use clap::ValueEnum;
        let full = TrainConfig::default().effective_loss();
        for &part in Ablation::value_variants() {
            let mut config = TrainConfig::default();
            config.model.ablate = vec![part];
            let wanted = match part {
                Ablation::GradualGuidance => LossConfig { gradual_guidance: false, ..full },
                Ablation::ContrastiveLoss => LossConfig { contrastive_weight: 0.0, ..full },
                _ => full,
            };
            assert_eq!(config.effective_loss(), wanted, "{part:?}");
        }
    }

    #[test]
    fn senseless_values_are_refused_together_and_wrong_kinds_with_their_line() {
        let error_text = error("epochs = 0\n[augmentation]\ncrop_probability = 1.5");
        assert!(error_text.contains("epochs must be at least 1"), "{error_text}");
        assert!(error_text.contains("crop_probability must lie in 0 to 1"), "{error_text}");
        let error_text = error("seed = 1\nepochs = \"ten\"");
        assert!(error_text.contains("line 2") && error_text.contains("epochs"), "{error_text}");
        assert!(error("epochs = ").contains("not valid TOML"));
        assert!(error("learning_rate = nan").contains("learning_rate"));
    }
}
