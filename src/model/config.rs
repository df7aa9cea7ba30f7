//! What a model is made of, as it travels in a weight file's metadata.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::adapter::AdapterConfig;
use super::backbone::BackboneConfig;
use super::backbone::efficientnet::EfficientNetConfig;
use super::backbone::vit::VitConfig;
use super::matcher::MatcherConfig;
use super::matcher::consensus::ConsensusConfig;
use super::matcher::lpmflow::config::LpmFlowConfig;

/// A complete description of a model: with it and the variables, nothing else is needed to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Side of the square that photos are stretched to before they reach the network, in pixels.
    pub frame: usize,
    /// Describes each photo by features.
    pub backbone: BackboneConfig,
    /// Changes the features before they are matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<AdapterConfig>,
    /// Turns the features of two photos into a flow.
    pub matcher: MatcherConfig,
}

/// The names of the presets.
pub const PRESETS: [&str; 4] = ["base", "lite", "tiny", "zero-shot"];

impl ModelConfig {
    /// The preset of a name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn preset(name: &str) -> Result<Self> {
        Ok(match name {
            "base" => Self::base(),
            "lite" => Self::lite(),
            "tiny" => Self::tiny(),
            "zero-shot" => Self::zero_shot(),
            _ => bail!("there is no model `{name}`; there are: {}", PRESETS.join(", ")),
        })
    }

    /// The paper's model: ViT-B/16 and the full matcher, 180 million values.
    pub fn base() -> Self {
        Self {
            frame: 512,
            backbone: BackboneConfig::Vit(VitConfig::base()),
            adapter: None,
            matcher: MatcherConfig::Lpmflow(LpmFlowConfig::base()),
        }
    }

    /// The paper's design in a size for tests: 64-pixel images, a 4x4 grid, a 32x32 flow.
    pub fn tiny() -> Self {
        Self {
            frame: 128,
            backbone: BackboneConfig::Vit(VitConfig::tiny()),
            adapter: None,
            matcher: MatcherConfig::Lpmflow(LpmFlowConfig::tiny()),
        }
    }

    /// The small model of this project: EfficientNet-Lite0 at 384 pixels, an adapter, and consensus on a
    /// 24x24 grid; 2.5 million values.
    pub fn lite() -> Self {
        let backbone = EfficientNetConfig { image: 384 };
        // The same part of the photo as the 10 of the 16x16 grid that the constant was chosen on.
        let consensus = ConsensusConfig { radius_squared: 22, ..ConsensusConfig::default() };
        Self {
            frame: backbone.image as usize,
            backbone: BackboneConfig::EfficientNetLite0(backbone),
            adapter: Some(AdapterConfig::default()),
            matcher: MatcherConfig::Consensus(consensus),
        }
    }

    /// What runs without training: EfficientNet-Lite0 and consensus.
    pub fn zero_shot() -> Self {
        let backbone = EfficientNetConfig::default();
        Self {
            frame: backbone.image as usize,
            backbone: BackboneConfig::EfficientNetLite0(backbone),
            adapter: None,
            matcher: MatcherConfig::Consensus(ConsensusConfig::default()),
        }
    }

    /// Whether a model can be built from this; a weight file's configuration may say anything.
    ///
    /// # Errors
    /// When a size or constant makes no sense.
    pub fn check(&self) -> Result<()> {
        ensure!(
            (16..=8192).contains(&self.frame),
            "the frame's side must lie in 16 to 8192 pixels, not {}",
            self.frame
        );
        self.backbone.check()?;
        let shape = self.backbone.shape();
        if let Some(adapter) = &self.adapter {
            adapter.check(&shape)?;
        }
        self.matcher.check(&shape)
    }
}
