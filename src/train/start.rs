//! The model that a run starts with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::random::{Purpose, torch_seed};
use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::matcher::MatcherConfig;
use crate::model::matcher::lpmflow::config::Ablation;
use crate::model::weights::description::Provenance;
use crate::model::weights::find::find;
use crate::model::weights::report::LoadReport;
use crate::model::weights::{StoredWeights, read, source_file, upstream};
use crate::nn::variables::{Path as VariablePath, Variable};

/// The preset name that stands for "the model of `init`, or the paper's".
const AUTO: &str = "auto";

/// The licence of weights that nobody else had a part in.
const OWN_LICENCE: &str = "as whoever trained them decides";

/// What to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelChoice {
    /// `base`, `tiny`, ..., or `auto`: the model of `init`, or `base` without one.
    pub preset: String,
    /// Weights to begin with: a name or a file. A whole model is trained further; from anything else
    /// (iBOT's checkpoints) the backbone is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// Parts to leave out.
    pub ablate: Vec<Ablation>,
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self { preset: AUTO.to_owned(), init: None, ablate: Vec::new() }
    }
}

/// A model to be trained.
#[derive(Debug)]
pub struct Trainee {
    /// The model.
    pub model: Model,
    /// Its variables; they share storage with the model.
    pub variables: Vec<Variable>,
    /// Where their values come from.
    pub provenance: Provenance,
}

impl ModelChoice {
    /// The defaults, with something for the key that may be absent.
    pub(super) fn with_every_key() -> Self {
        Self { init: Some(PathBuf::new()), ..Self::default() }
    }

    /// Builds the model with its first values.
    ///
    /// # Errors
    /// When there is no such model, it cannot be trained, or the initial weights do not fit it.
    pub fn build(&self, seed: u64, device: Device) -> Result<Trainee> {
        tch::manual_seed(torch_seed(seed, Purpose::Initialisation, 0, 0));
        let Some(init) = &self.init else {
            let preset = if self.preset == AUTO { "base" } else { &self.preset };
            let config = self.trainable(ModelConfig::preset(preset)?)?;
            let path = VariablePath::fresh(device);
            let model = Model::new(&path, &config);
            let provenance = Provenance {
                origin: format!("trained from random values, preset {preset}, seed {seed}"),
                licence: OWN_LICENCE.to_owned(),
                ..Provenance::default()
            };
            return Ok(Trainee { model, variables: path.finish().0, provenance });
        };
        let mut stored = read(&find(init)?)?;
        let whole = is_whole(&stored.config());
        let config = self.trainable(self.config_for(&stored)?)?;
        let mut provenance = stored.provenance();
        let taken = source_file(&stored.path)?;
        let part = if whole { "" } else { "the backbone of " };
        provenance.origin = format!("trained from {part}`{}` ({})", taken.name, provenance.origin);
        provenance.derived_from.push(taken);
        provenance.training_run = None;
        if whole {
            drop_left_out(&mut stored.tensors, &config);
        } else {
            stored.tensors.retain(|name, _| name.starts_with(upstream::BACKBONE));
        }
        let below = if whole { "" } else { upstream::BACKBONE };
        fill(stored.tensors, below, &config, device)
            .map(|(model, variables)| Trainee { model, variables, provenance })
            .with_context(|| format!("starting from the weights `{}`", init.display()))
    }

    /// The configuration to train when beginning with `stored`.
    fn config_for(&self, stored: &StoredWeights) -> Result<ModelConfig> {
        let own = stored.config();
        let whole = is_whole(&own);
        if self.preset == AUTO {
            return Ok(if whole { own } else { ModelConfig::base() });
        }
        let preset = ModelConfig::preset(&self.preset)?;
        if !whole {
            return Ok(preset);
        }
        ensure!(
            sizes(&own) == sizes(&preset),
            "the weights `{}` are not of the model `{}`: leave --model out to train theirs",
            stored.path.display(),
            self.preset
        );
        Ok(own)
    }

    /// `config` with the parts left out, each position embedding with its own gradient.
    fn trainable(&self, mut config: ModelConfig) -> Result<ModelConfig> {
        match &mut config.matcher {
            MatcherConfig::Lpmflow(matcher) => {
                matcher.shared_position_embeddings = false;
                for part in &self.ablate {
                    if !matcher.ablations.contains(part) {
                        matcher.ablations.push(*part);
                    }
                }
            }
            MatcherConfig::Consensus(_) => ensure!(
                self.ablate.is_empty(),
                "the parts that can be left out are the paper's: choose base or tiny, or no --ablate"
            ),
            MatcherConfig::Identity | MatcherConfig::Nearest => {
                bail!("the model has no matcher that learns: choose base, lite or tiny")
            }
        }
        config.check()?;
        Ok(config)
    }
}

/// Whether weights are of a model that learns, not of a backbone with something training-free on it.
fn is_whole(config: &ModelConfig) -> bool {
    matches!(config.matcher, MatcherConfig::Lpmflow(_)) || config.adapter.is_some()
}

/// What makes two configurations the same model, whatever is left out of it.
fn sizes(config: &ModelConfig) -> ModelConfig {
    let mut config = config.clone();
    if let MatcherConfig::Lpmflow(matcher) = &mut config.matcher {
        matcher.ablations.clear();
        matcher.shared_position_embeddings = false;
    }
    config
}

/// The model of a checkpoint, as it was.
///
/// # Errors
/// When the tensors do not fit the configuration.
pub fn resume(weights: StoredWeights, device: Device) -> Result<Trainee> {
    let (config, mut provenance) = (weights.config(), weights.provenance());
    provenance.training_run = None;
    fill(weights.tensors, "", &config, device)
        .map(|(model, variables)| Trainee { model, variables, provenance })
        .with_context(|| format!("using the weights `{}`", weights.path.display()))
}

fn fill(
    tensors: BTreeMap<String, Tensor>,
    below: &str,
    config: &ModelConfig,
    device: Device,
) -> Result<(Model, Vec<Variable>)> {
    // Copies of their own, aligned as fresh ones: where values lie can change the last bit of a sum.
    let tensors = tensors.into_iter().map(|(name, tensor)| (name, tensor.copy())).collect();
    let path = VariablePath::stored_below(tensors, below, device).in_kind(Kind::Float);
    let model = Model::new(&path, config);
    let (variables, tally) = path.finish();
    LoadReport::new(tally, &variables, upstream::is_unused).check()?;
    Ok((model, variables))
}

/// Forgets the tensors of parts that the whole model has and `config` leaves out.
fn drop_left_out(tensors: &mut BTreeMap<String, Tensor>, config: &ModelConfig) {
    let names = |config: &ModelConfig| -> BTreeSet<String> {
        let path = VariablePath::stored(BTreeMap::new(), Device::Cpu);
        drop(Model::new(&path, config));
        path.finish().0.into_iter().map(|variable| variable.name).collect()
    };
    let mut whole = config.clone();
    let MatcherConfig::Lpmflow(matcher) = &mut whole.matcher else { return };
    if matcher.ablations.is_empty() {
        return;
    }
    matcher.ablations.clear();
    let kept = names(config);
    for name in names(&whole).difference(&kept) {
        tensors.remove(name);
    }
}
