//! What kinds of vision transformer there are: DINO, iBOT, DINOv2 and DINOv3 differ in these settings alone.

use serde::{Deserialize, Serialize};

use crate::defaults::is_default;
use crate::model::features::FeatureShape;

/// Sizes of the transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VitConfig {
    /// Side of the square that images are resized to, in pixels.
    pub image: i64,
    /// Side of a patch, in pixels.
    pub patch: i64,
    /// Values per token.
    pub dim: i64,
    /// Number of blocks.
    pub depth: i64,
    /// Attention heads.
    pub heads: i64,
    /// Side of the patch grid the position embedding was pretrained on; 0 where there is none.
    pub pretrained_grid: i64,
    /// How tokens know where they are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub positions: Positions,
    /// Further tokens that belong to no place (Darcet et al. 2024); they leave with the last block.
    #[serde(default, skip_serializing_if = "is_default")]
    pub registers: i64,
    /// Whether what a block adds is scaled value by value (Touvron et al. 2021).
    #[serde(default, skip_serializing_if = "is_default")]
    pub layer_scale: bool,
    /// Hidden values of a gated perceptron (Shazeer 2020); `None` for the usual one, four times as wide as
    /// the tokens.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gated: Option<i64>,
    /// What suits the transformer to matching.
    #[serde(default, skip_serializing_if = "is_default")]
    pub adapters: Option<Adapters>,
    /// What the features are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub output: Output,
}

/// Bottlenecks beside the perceptrons of some blocks, as MARCO has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adapters {
    /// The first block that has one, counted from 1.
    pub first: i64,
    /// The last one.
    pub last: i64,
    /// Hidden values.
    pub width: i64,
}

impl Adapters {
    /// Whether a block, counted from 1, has one.
    pub(super) fn is_in(&self, block: i64) -> bool {
        (self.first..=self.last).contains(&block)
    }
}

/// How tokens know where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Positions {
    /// A learned table; for another grid bicubic by a scale with 0.1 added to the wanted side, as DINO, iBOT and
    /// DINOv2 without registers have it.
    #[default]
    Offset,
    /// A learned table; for another grid bicubic to its size, antialiased, as DINOv2 with registers has it.
    Antialiased,
    /// Queries and keys are rotated by angles that follow from the place, as in DINOv3.
    Rotary,
}

/// What the features are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Output {
    /// The block, counted from 1, whose tokens they are; `None` for the last. Later ones are not computed.
    pub block: Option<i64>,
    /// Whether the last layer norm follows.
    pub norm: bool,
    /// Which of a block's values they are.
    pub facet: Facet,
}

/// Which of a block's values serve as features (Amir et al. 2022).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Facet {
    /// What leaves the block.
    #[default]
    Tokens,
    /// The keys of its attention, all heads side by side, before any rotation.
    Keys,
}

impl Default for Output {
    fn default() -> Self {
        Self { block: None, norm: true, facet: Facet::Tokens }
    }
}

impl VitConfig {
    /// ViT-B/16 at 256 pixels, pretrained at 224: the paper's backbone.
    pub(crate) fn base() -> Self {
        Self { image: 256, dim: 768, depth: 12, heads: 12, pretrained_grid: 14, ..Self::plain() }
    }

    /// A transformer small enough for tests.
    pub(crate) fn tiny() -> Self {
        Self { image: 64, dim: 32, depth: 2, heads: 4, pretrained_grid: 3, ..Self::plain() }
    }

    fn plain() -> Self {
        Self {
            image: 0,
            patch: 16,
            dim: 0,
            depth: 0,
            heads: 0,
            pretrained_grid: 0,
            positions: Positions::Offset,
            registers: 0,
            layer_scale: false,
            gated: None,
            adapters: None,
            output: Output::default(),
        }
    }

    /// The form of the tokens, behind every block.
    pub(super) fn shape(&self) -> FeatureShape {
        FeatureShape::square(self.dim, self.image / self.patch).with_class_token()
    }

    /// The name of the level behind a block, counted from 1: tokens without the last layer norm.
    pub(super) fn level(block: i64) -> String {
        format!("block-{block}")
    }

    /// The blocks that are computed.
    pub(super) fn computed(&self) -> i64 {
        self.output.block.unwrap_or(self.depth)
    }

    /// What layer norms add to the variance.
    pub(super) fn epsilon(&self) -> f64 {
        if self.positions == Positions::Rotary { 1e-5 } else { 1e-6 }
    }
}
