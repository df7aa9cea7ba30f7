//! Sizes and switches of the LPMFlow matcher.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::model::features::FeatureShape;

/// Most rows and columns of the coarse grid, twice those of the paper: maps over the fine grid then take 64 MiB.
const LARGEST_GRID: i64 = 32;

/// Sizes and switches; embedding and coarse grid follow from the backbone, the fine grid has twice and
/// the flow eight times the coarse grid's side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LpmFlowConfig {
    /// Blocks of the cross-image encoder.
    pub encoder_depth: i64,
    /// Attention heads everywhere behind the backbone.
    pub heads: i64,
    /// Window side of the token upsampler's Swin stages, in fine cells.
    pub upsampler_window: i64,
    /// Channels the refiner sees of the fine tokens, beside eight of flow.
    pub feature_channels: i64,
    /// Channels between the refiner's last two convolutions.
    pub residual_channels: i64,
    /// Share of values dropped in training, in the encoder and the decoders.
    pub dropout: f64,
    /// Share of feature channels dropped before the refiner in training.
    pub feature_dropout: f64,
    /// Parity: as the authors' test script runs. Loading a checkpoint there makes target patches carry
    /// the SOURCE's position embedding and the source class token the TARGET's. `false` uses every
    /// tensor as stored.
    pub shared_position_embeddings: bool,
    /// Parts left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ablations: Vec<Ablation>,
}

/// A part of the network or its training that can be left out (the paper's ablation table).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ablation {
    /// The cross-image encoder: backbone tokens go to the first decoder
    Larl,
    /// The feature super-resolution: one decoder, fine tokens and scores by bilinear resizing
    Pfsr,
    /// The integration of scales: the fine-to-fine flow is the result
    Mmfi,
    /// The falling rate of the contrastive loss: it stays at its start
    GradualGuidance,
    /// The self-contrastive loss and the masking of tokens
    ContrastiveLoss,
    /// The learned bias between image regions in the encoder
    RegionPositionEncoding,
    /// The decoder on mixed scales
    InteractiveSr,
    /// The token upsampler's stages: bilinear resizing alone
    InternalSr,
    /// Window attention and perceptron in the token upsampler
    SrBlock,
    /// All scales but the finest in the refiner's input
    MultiScale,
    /// The refiner's stage with windows of 16 cells
    #[serde(rename = "refine-16")]
    #[value(name = "refine-16")]
    Refine16,
    /// The refiner's stage with windows of 4 cells
    #[serde(rename = "refine-4")]
    #[value(name = "refine-4")]
    Refine4,
}

impl LpmFlowConfig {
    /// The paper's network, with the position embeddings as the authors' test script uses them.
    pub(crate) fn base() -> Self {
        Self {
            encoder_depth: 6,
            heads: 8,
            upsampler_window: 4,
            feature_channels: 88,
            residual_channels: 32,
            dropout: 0.1,
            feature_dropout: 0.5,
            shared_position_embeddings: true,
            ablations: Vec::new(),
        }
    }

    /// A matcher small enough for tests.
    pub(crate) fn tiny() -> Self {
        Self {
            encoder_depth: 2,
            heads: 4,
            feature_channels: 24,
            residual_channels: 8,
            shared_position_embeddings: false,
            ..Self::base()
        }
    }

    /// Whether the matcher can work on features of form `shape`.
    ///
    /// # Errors
    /// When the features have no class token, or a size is out of range or does not divide.
    pub(crate) fn check_sizes(&self, shape: &FeatureShape) -> Result<()> {
        ensure!(shape.class_token, "the LPMFlow matcher needs a backbone with a class token");
        ensure!(
            shape.side() <= LARGEST_GRID,
            "the LPMFlow matcher takes features of at most {LARGEST_GRID} x {LARGEST_GRID} cells, not {0} x {0}",
            shape.side()
        );
        ensure!((0..=64).contains(&self.encoder_depth), "the encoder has at most 64 blocks");
        ensure!(
            (1..=32).contains(&self.heads) && shape.dim % self.heads == 0,
            "the {} values per token must divide into {} heads, at most 32",
            shape.dim,
            self.heads
        );
        let refiner_dim = self.feature_channels + 8;
        ensure!(
            (8..=512).contains(&self.feature_channels) && refiner_dim % self.heads == 0,
            "the refiner's {refiner_dim} channels, 16 to 520, must divide into {} heads",
            self.heads
        );
        ensure!((1..=512).contains(&self.residual_channels), "the residual has 1 to 512 channels");
        let fine = 2 * shape.side();
        ensure!(
            (1..=16).contains(&self.upsampler_window) && fine % self.upsampler_window == 0,
            "windows of {} cells, at most 16, do not cover the fine grid of {fine}",
            self.upsampler_window
        );
        ensure!(
            (8 * shape.side()) % 16 == 0 || !self.has(Ablation::Refine16),
            "the refiner's windows of 16 cells do not cover a flow of side {}",
            8 * shape.side()
        );
        for share in [self.dropout, self.feature_dropout] {
            ensure!((0.0..1.0).contains(&share), "a dropout share lies in 0 to 1, not {share}");
        }
        Ok(())
    }

    /// Whether a part is in place.
    pub(crate) fn has(&self, part: Ablation) -> bool {
        !self.ablations.contains(&part)
    }
}
