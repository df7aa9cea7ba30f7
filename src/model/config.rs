//! What a model is made of, as it travels in a weight file's metadata.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::backbone::BackboneConfig;
use super::backbone::efficientnet::EfficientNetConfig;
use super::matcher::MatcherConfig;
use super::matcher::consensus::ConsensusConfig;

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

/// The names of the presets.
pub const PRESETS: [&str; 1] = ["zero-shot"];

impl ModelConfig {
    /// The preset of a name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn preset(name: &str) -> Result<Self> {
        Ok(match name {
            "zero-shot" => Self::zero_shot(),
            _ => bail!("there is no model `{name}`; there are: {}", PRESETS.join(", ")),
        })
    }

    /// What runs without training: EfficientNet-Lite0 and consensus.
    pub fn zero_shot() -> Self {
        let backbone = EfficientNetConfig::default();
        Self {
            frame: backbone.image as usize,
            backbone: BackboneConfig::EfficientNetLite0(backbone),
            matcher: MatcherConfig::Consensus(ConsensusConfig::default()),
        }
    }

    /// # Errors
    /// When a size or constant makes no sense.
    pub fn check(&self) -> Result<()> {
        ensure!(
            (16..=8192).contains(&self.frame),
            "the frame's side must lie in 16 to 8192 pixels, not {}",
            self.frame
        );
        self.backbone.check()?;
        self.matcher.check()
    }
}
