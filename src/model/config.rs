//! What a model is made of, as it travels in a weight file's metadata.

use serde::{Deserialize, Serialize};

use super::backbone::BackboneConfig;
use super::matcher::MatcherConfig;

/// A complete description of a model: with it and the variables, nothing else is needed to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Side of the square that photos are stretched to before they reach the network, in pixels.
    pub frame: usize,
    /// Describes each photo by features.
    pub backbone: BackboneConfig,
    /// Turns the features of two photos into a flow.
    pub matcher: MatcherConfig,
}
