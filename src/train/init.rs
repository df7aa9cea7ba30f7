//! The model that a run starts with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::model::architecture::preset;
use crate::model::backbone::twins::ROLES;
use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::input::InputRule;
use crate::model::matcher::lpmflow::config::Ablation;
use crate::model::settings::{Setting, changed};
use crate::model::weights::description::Provenance;
use crate::model::weights::report::LoadReport;
use crate::model::weights::{StoredWeights, open};
use crate::nn::parameters::{Parameter, VarBuilder};
use crate::train::path_setting;
use crate::train::samples::random::{Purpose, torch_seed};
use crate::visible::Shown;

/// The preset name that stands for "the model of `init`, or the paper's".
const AUTO: &str = "auto";

/// The licence of weights that nobody else had a part in.
const OWN_LICENCE: &str = "as whoever trained them decides";

/// What to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ModelChoice {
    /// `base`, `tiny`, ..., or `auto`: the model of `init`, or `base` without one.
    pub preset: String,
    /// Weights to begin with: a name or a file. A whole model is trained further; from anything else
    /// (iBOT's checkpoints) the backbone is taken.
    #[serde(with = "path_setting::optional", skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// A backbone for the preset instead of its own, as others publish it: grid and widths follow.
    #[serde(with = "path_setting::optional", skip_serializing_if = "Option::is_none")]
    pub backbone: Option<PathBuf>,
    /// Photos are brought to this many pixels a side, where the model takes other sizes than its usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_size: Option<usize>,
    /// Of a checkpoint with several dictionaries of weights, the one to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dictionary: Option<String>,
    /// Other settings of the model than the preset's, or than those of what it begins with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<Setting>,
    /// Parts to leave out.
    pub ablate: Vec<Ablation>,
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self {
            preset: AUTO.to_owned(),
            init: None,
            backbone: None,
            input_size: None,
            dictionary: None,
            set: Vec::new(),
            ablate: Vec::new(),
        }
    }
}

/// A model to be trained.
#[derive(Debug)]
pub(crate) struct InitialModel {
    /// The model.
    pub model: Model,
    /// Its parameters; they share storage with the model.
    pub parameters: Vec<Parameter>,
    /// Where their values come from.
    pub provenance: Provenance,
    /// What a user of an older file should know.
    pub notes: Vec<String>,
}

impl ModelChoice {
    /// The defaults, with something for the key that may be absent.
    pub(super) fn with_every_key() -> Self {
        Self {
            init: Some(PathBuf::new()),
            backbone: Some(PathBuf::new()),
            input_size: Some(0),
            dictionary: Some(String::new()),
            set: "input=stretch".parse().into_iter().collect(),
            ..Self::default()
        }
    }

    /// Builds the model with its first values.
    ///
    /// # Errors
    /// When there is no such model, it cannot be trained, or the initial weights do not fit it.
    pub(crate) fn build(&self, seed: u64, device: Device) -> Result<InitialModel> {
        tch::manual_seed(torch_seed(seed, Purpose::Initialisation, 0, 0));
        ensure!(
            self.init.is_none() || self.backbone.is_none(),
            "a model begins with `init` or with `backbone`, not with both"
        );
        let Some(init) = self.init.as_ref().or(self.backbone.as_ref()) else {
            let name = self.preset_or_base();
            let config = self.trainable(changed(&preset(name)?, &self.set)?)?;
            let path = VarBuilder::fresh(device);
            let model = Model::new(&path, &config)?;
            let provenance = Provenance {
                origin: format!("trained from random values, preset {name}, seed {seed}"),
                licence: OWN_LICENCE.to_owned(),
                ..Provenance::default()
            };
            let (parameters, notes) = (path.finish().0, Vec::new());
            return Ok(InitialModel { model, parameters, provenance, notes });
        };
        let mut stored = open(init, self.dictionary.as_deref())?;
        let whole = self.backbone.is_none() && stored.is_whole();
        let config = self.trainable(self.config_for(&stored)?)?;
        let (mut provenance, mut notes) = (stored.provenance(), stored.notes());
        notes.insert(0, format!("they begin as {}", stored.place));
        let taken = stored.place.source_file()?;
        let part = if whole { "" } else { "the backbone of " };
        provenance.origin = format!("trained from {part}`{}` ({})", taken.name, provenance.origin);
        provenance.derived_from.push(taken);
        provenance.training_run = None;
        if whole {
            drop_left_out(&mut stored.tensors, &config)?;
        } else {
            stored.tensors.retain(|name, _| name.starts_with(BACKBONE));
            if config.backbone.tells_roles() {
                stored.tensors = for_both_roles(&stored.tensors);
            }
        }
        let below = if whole { "" } else { BACKBONE };
        fill(stored.tensors, below, &config, device)
            .map(|(model, parameters)| InitialModel { model, parameters, provenance, notes })
            .with_context(|| format!("starting from the weights `{}`", init.shown()))
    }

    /// The configuration to train when beginning with `stored`.
    fn config_for(&self, stored: &StoredWeights) -> Result<ModelConfig> {
        let own = stored.config()?;
        if self.backbone.is_some() {
            let name = self.preset_or_base();
            return changed(&preset(name)?, &self.set)?
                .on_backbone_of(&own)
                .with_context(|| format!("building `{name}` on the backbone of {}", stored.place));
        }
        let whole = stored.is_whole();
        if self.preset == AUTO {
            return changed(&if whole { own } else { ModelConfig::base() }, &self.set);
        }
        let preset = preset(&self.preset)?;
        if !whole {
            let preset = changed(&preset, &self.set)?;
            return match preset.backbone.tells_roles() {
                true => preset.on_backbone_of(&own),
                false => Ok(preset),
            };
        }
        ensure!(
            sizes(&own) == sizes(&preset),
            "the weights {} are not of the model `{}`: leave --model out to train theirs",
            stored.place,
            self.preset
        );
        changed(&own, &self.set)
    }

    fn preset_or_base(&self) -> &str {
        if self.preset == AUTO { "base" } else { &self.preset }
    }

    /// `config` as it is trained: for photos of the chosen size, with the parts left out.
    fn trainable(&self, config: ModelConfig) -> Result<ModelConfig> {
        let config = config.with_input_size(self.input_size)?;
        ensure!(
            matches!(config.input, InputRule::Stretch | InputRule::SampledStretch),
            "the model takes photos in frames that are padded or no squares, and such models are not trained \
             yet: choose one that takes them stretched"
        );
        let matcher = config.matcher.to_train(&self.ablate)?;
        let config = ModelConfig { matcher, ..config };
        config.check()?;
        Ok(config)
    }
}

/// What makes two configurations the same model, whatever is left out of it.
fn sizes(config: &ModelConfig) -> ModelConfig {
    ModelConfig { matcher: config.matcher.complete(), ..config.clone() }
}

/// Shipped weights that were written again with the same values, for today's names of settings or for what they
/// say of their confidence: the SHA-256 of an older file, and of today's.
const WRITTEN_AGAIN: [(&str, &str); 4] = [
    (
        "58fb7c68c7c7122cfd9c08f6baa2d71e657fb03af3575a41cd1a18b2c1681254",
        "6a14c867d89c9810453af6e69e1168209d3c9eaacb07c7576c939631c8fe3943",
    ),
    (
        "c5c4d8833913ef2be598b6f4ed904c64620d02df586372774fbe12b6ac9a60fb",
        "6a14c867d89c9810453af6e69e1168209d3c9eaacb07c7576c939631c8fe3943",
    ),
    (
        "97710d2f53a328fd2434e956dbd331e279f915e6b87264ac813c8eaaa6243d35",
        "4fb3728b3b635ef979ec48f5f567421d228310795171ef64bc70777728a8d409",
    ),
    (
        "bf291f30f9eb9db5c18d1057c4eb6d0904924de790f40aab1a8e4e5ff2cd1372",
        "4fb3728b3b635ef979ec48f5f567421d228310795171ef64bc70777728a8d409",
    ),
];

/// Whether a model that was built once more began with the file that the run began with.
///
/// # Errors
/// When the file has changed since.
pub(crate) fn ensure_same_start(rebuilt: &Provenance, run: &Provenance) -> Result<()> {
    let hash = |provenance: &Provenance| {
        provenance.derived_from.last().map(|file| (file.name.clone(), file.sha256.clone()))
    };
    if let (Some((name, now)), Some((_, before))) = (hash(rebuilt), hash(run)) {
        ensure!(
            now == before || WRITTEN_AGAIN.contains(&(before.as_str(), now.as_str())),
            "the run holds its features near those of the weights `{name}` that it began with, but that \
             file has changed: its SHA-256 was {before} and is {now}; put the old file back, or name a \
             copy of it as `init` in the run's config.toml"
        );
    }
    Ok(())
}

/// The model of a checkpoint, as it was.
///
/// # Errors
/// When the tensors do not fit the configuration.
pub(crate) fn resume(weights: StoredWeights, device: Device) -> Result<InitialModel> {
    let (config, mut provenance) = (weights.config()?, weights.provenance());
    let notes = weights.notes();
    provenance.training_run = None;
    fill(weights.tensors, "", &config, device)
        .map(|(model, parameters)| InitialModel { model, parameters, provenance, notes })
        .with_context(|| format!("using the weights {}", weights.place))
}

fn fill(
    tensors: BTreeMap<String, Tensor>,
    below: &str,
    config: &ModelConfig,
    device: Device,
) -> Result<(Model, Vec<Parameter>)> {
    // Copies of their own, aligned as fresh ones: where values lie can change the last bit of a sum.
    let tensors = tensors.into_iter().map(|(name, tensor)| (name, tensor.copy())).collect();
    let path = VarBuilder::stored_below(tensors, below, device).in_kind(Kind::Float);
    let model = Model::new(&path, config)?;
    let (parameters, outcome) = path.finish();
    LoadReport::new(outcome, &parameters, |name| config.is_unused(name)).check()?;
    Ok((model, parameters))
}

/// The tensors of one backbone as those of two networks, one for each role.
fn for_both_roles(tensors: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let in_role = |(name, tensor): (&String, &Tensor)| {
        let own = name.strip_prefix(BACKBONE).unwrap_or(name);
        ROLES.map(|role| (format!("{BACKBONE}{role}.{own}"), tensor.shallow_clone()))
    };
    tensors.iter().flat_map(in_role).collect()
}

/// Forgets the tensors of parts that the whole model has and `config` leaves out.
fn drop_left_out(tensors: &mut BTreeMap<String, Tensor>, config: &ModelConfig) -> Result<()> {
    let names = |config: &ModelConfig| -> Result<BTreeSet<String>> {
        let path = VarBuilder::stored(BTreeMap::new(), Device::Cpu);
        drop(Model::new(&path, config)?);
        Ok(path.finish().0.into_iter().map(|parameter| parameter.name).collect())
    };
    let whole = sizes(config);
    if whole == *config {
        return Ok(());
    }
    let kept = names(config)?;
    for name in names(&whole)?.difference(&kept) {
        tensors.remove(name);
    }
    Ok(())
}
