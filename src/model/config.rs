//! What a model is made of, as it travels in a weight file's metadata.

use serde::{Deserialize, Serialize};

use super::backbone::BackboneConfig;
use super::backbone::vit::VitConfig;
use super::matcher::MatcherConfig;
use super::matcher::lpmflow::config::LpmFlowConfig;

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

impl ModelConfig {
    /// The presets by name.
    pub const PRESETS: [&str; 2] = ["base", "tiny"];

    /// A preset; `None` for an unknown name.
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "base" => Some(Self::base()),
            "tiny" => Some(Self::tiny()),
            _ => None,
        }
    }

    /// The paper's model: ViT-B/16 and the full matcher, 180 million values.
    pub fn base() -> Self {
        Self {
            frame: 512,
            backbone: BackboneConfig::Vit(VitConfig::base()),
            matcher: MatcherConfig::Lpmflow(LpmFlowConfig::base()),
        }
    }

    /// The paper's design in a size for tests: 64-pixel images, a 4x4 grid, a 32x32 flow.
    pub fn tiny() -> Self {
        Self {
            frame: 128,
            backbone: BackboneConfig::Vit(VitConfig::tiny()),
            matcher: MatcherConfig::Lpmflow(LpmFlowConfig::tiny()),
        }
    }
}
