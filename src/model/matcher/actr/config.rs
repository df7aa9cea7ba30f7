//! Sizes of ACTR.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::model::features::FeatureShape;

/// Most rows and columns of the grid: the refiners then see maps of 128 x 128.
const LARGEST_GRID: i64 = 32;

/// Sizes; the grid and the values per token are the backbone's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActrConfig {
    /// Blocks that match, each with a correlation of its own.
    pub depth: i64,
    /// Attention heads everywhere behind the backbone.
    pub heads: i64,
    /// Channels that the refiners see of the source's tokens, beside two of flow.
    pub feature_channels: i64,
    /// Channels between the last two convolutions.
    pub residual_channels: i64,
    /// Share of feature channels dropped before the refiners in training.
    pub feature_dropout: f64,
}

impl Default for ActrConfig {
    /// As the authors train it.
    fn default() -> Self {
        Self {
            depth: 6,
            heads: 8,
            feature_channels: 94,
            residual_channels: 32,
            feature_dropout: 0.5,
        }
    }
}

impl ActrConfig {
    /// Channels of the refiners.
    pub(super) fn refiner_dim(&self) -> i64 {
        self.feature_channels + 2
    }

    /// Whether the matcher can work on features of form `shape`.
    ///
    /// # Errors
    /// When the features have no class token, or a size is out of range or does not divide.
    pub(super) fn check_sizes(&self, shape: &FeatureShape) -> Result<()> {
        ensure!(shape.class_token, "the ACTR matcher needs a backbone with a class token");
        ensure!(
            shape.side() <= LARGEST_GRID && shape.side() % 2 == 0,
            "the ACTR matcher takes features of an even number of cells a side, at most {LARGEST_GRID}, not {}",
            shape.side()
        );
        ensure!((1..=64).contains(&self.depth), "the ACTR matcher has 1 to 64 blocks");
        ensure!(
            (1..=32).contains(&self.heads) && shape.dim % self.heads == 0,
            "the {} values per token must divide into {} heads, at most 32",
            shape.dim,
            self.heads
        );
        let refiner_dim = self.refiner_dim();
        ensure!(
            (16..=512).contains(&refiner_dim) && refiner_dim % self.heads == 0,
            "the refiners' {refiner_dim} channels, 16 to 512, must divide into {} heads",
            self.heads
        );
        ensure!((1..=512).contains(&self.residual_channels), "the residual has 1 to 512 channels");
        ensure!(
            (0.0..1.0).contains(&self.feature_dropout),
            "a dropout share lies in 0 to 1, not {}",
            self.feature_dropout
        );
        Ok(())
    }
}
