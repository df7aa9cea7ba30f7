//! The forms in which others publish weights, how a file's form is recognised, and the authors' of LPMFlow.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use tch::Tensor;

use crate::model::config::ModelConfig;
use crate::model::matcher::lpmflow::config::LpmFlowConfig;
use crate::model::part::Chosen;
use crate::model::weights::arguments::{Arguments, Meanings};

/// Where the authors publish their weights, and how to use them here.
pub(crate) const WHERE_TO_GET_BASE: &str = "the authors of LPMFlow publish their weights by a link in the README of \
     https://github.com/YXSUNMADMAX/LPMFlow; give the downloaded folder or its `model_best.pth` to \
     `--weights`, or convert it once: ";

/// The argument of these authors' and others' training that says how many heads attention has: files do not tell.
pub(crate) const HEADS: &str = "num_heads";

/// Named tensors.
pub(crate) type Tensors = BTreeMap<String, Tensor>;

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
    /// The model to make of the adapted tensors, and of what lies beside them, where nobody says which.
    ///
    /// # Errors
    /// When they belong to none.
    pub config: fn(&Tensors, &Arguments) -> Result<ModelConfig>,
    /// What such a file holds of a model.
    pub holds: Holds,
    /// What the arguments that its authors' training leaves beside such a file say of the model.
    pub meanings: Meanings,
    /// Who made the values.
    pub origin: &'static str,
    /// Under which licence they may be used.
    pub licence: &'static str,
}

/// What a published file holds of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holds {
    /// All of it.
    Model,
    /// The backbone alone.
    Backbone,
    /// A head alone: which model it makes of that of a backbone, and its own tensors.
    Head(fn(&ModelConfig, &Tensors) -> Result<ModelConfig>),
}

/// A whole model, as the authors' training saves it.
pub(crate) const LPMFLOW: Published = Published {
    name: "LPMFlow",
    marks: &["feature_extraction.backbone.patch_embed.proj.weight"],
    rename: str::to_owned,
    adapt: Ok,
    config: |_, arguments| {
        let mut matcher = LpmFlowConfig::base();
        matcher.heads = arguments.number(HEADS).unwrap_or(matcher.heads);
        Ok(ModelConfig { matcher: Chosen::of(Arc::new(matcher)), ..ModelConfig::base() })
    },
    holds: Holds::Model,
    meanings: &[(HEADS, "matcher.heads")],
    origin: "checkpoint of the authors of LPMFlow",
    licence: "as https://github.com/YXSUNMADMAX/LPMFlow states (Apache-2.0)",
};
