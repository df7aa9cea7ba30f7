//! The forms in which others publish weights: the authors' LPMFlow checkpoints, and iBOT's backbone.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use tch::Tensor;

use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::matcher::consensus::ConsensusConfig;
use crate::model::part::Chosen;

/// Where the authors publish their weights, and how to use them here.
pub(crate) const WHERE_TO_GET_BASE: &str = "the authors of LPMFlow publish their weights by a link in the README of \
     https://github.com/YXSUNMADMAX/LPMFlow; give the downloaded folder or its `model_best.pth` to \
     `--weights`, or convert it once: ";

/// Named tensors.
type Tensors = BTreeMap<String, Tensor>;

/// A form in which weights are published.
#[derive(Debug)]
pub(crate) struct Published {
    /// What such files hold, for messages.
    pub name: &'static str,
    /// Names of tensors of which such a file holds at least one, and files of other forms none.
    pub marks: &'static [&'static str],
    /// A model's name for a tensor of the file.
    pub rename: fn(&str) -> String,
    /// What the model's tensors are, made of the renamed ones of the file.
    pub adapt: fn(Tensors) -> Result<Tensors>,
    /// The model to make of the file where nobody says which.
    pub config: fn() -> ModelConfig,
    /// Whether the file holds a whole model; a backbone alone otherwise.
    pub whole: bool,
    /// Who made the values.
    pub origin: &'static str,
    /// Under which licence they may be used.
    pub licence: &'static str,
}

/// A whole model, as the authors' training saves it.
pub(crate) const LPMFLOW: Published = Published {
    name: "LPMFlow",
    marks: &["feature_extraction.backbone.patch_embed.proj.weight"],
    rename: str::to_owned,
    adapt: Ok,
    config: ModelConfig::base,
    whole: true,
    origin: "checkpoint of the authors of LPMFlow",
    licence: "as https://github.com/YXSUNMADMAX/LPMFlow states (Apache-2.0)",
};

/// The backbone alone, as iBOT's pretraining saves it.
pub(crate) const IBOT: Published = Published {
    name: "an iBOT backbone",
    marks: &["patch_embed.proj.weight", "backbone.patch_embed.proj.weight"],
    rename: |name| format!("{BACKBONE}{}", name.strip_prefix("backbone.").unwrap_or(name)),
    adapt: Ok,
    // The paper's backbone with the training-free consensus.
    config: || ModelConfig {
        matcher: Chosen::of(Arc::new(ConsensusConfig::default())),
        ..ModelConfig::base()
    },
    whole: false,
    origin: "iBOT pretraining",
    licence: "as https://github.com/bytedance/ibot states (Apache-2.0)",
};
