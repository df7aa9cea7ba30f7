//! Heads: what changes a backbone's deepest features before they are matched.
//!
//! A further head is one new file beside this one and one line in [`crate::model::architecture`].

pub(crate) mod adapter;
pub(crate) mod bottleneck;
pub(crate) mod upscaler;

use std::fmt::Debug;

use anyhow::Result;

use crate::model::cost::Work;
use crate::model::features::{FeatureShape, Features, LevelShape};
use crate::model::part::Settings;
use crate::nn::parameters::VarBuilder;

/// What is known of a head from its settings.
pub(crate) trait HeadConfig: Settings {
    /// Whether the head can be built on features of form `shape`.
    ///
    /// # Errors
    /// When a size makes no sense or does not fit the features.
    fn check(&self, shape: &FeatureShape) -> Result<()>;

    /// The form of the features behind it.
    fn shape(&self, before: &FeatureShape) -> FeatureShape;

    /// Levels that it adds before the deepest one.
    fn added(&self, _before: &FeatureShape) -> Vec<LevelShape> {
        Vec::new()
    }

    /// The arithmetic that one photo takes.
    fn work(&self, shape: &FeatureShape) -> Work;

    /// Builds the head's parameters at `path`.
    fn build(&self, path: &VarBuilder, shape: &FeatureShape) -> Box<dyn Head>;
}

/// A head with its parameters.
pub(crate) trait Head: Debug + Send {
    /// The features with their deepest level changed, and what it adds before that.
    fn forward(&self, features: &Features) -> Features;
}
