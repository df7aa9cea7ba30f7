//! Sizes of TransforMatcher.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::model::matcher::near_cells::Reach;

/// Values of a head.
pub(super) const WIDTH: i64 = 4;

/// How many times finer the flow's grid is than that of the matches.
pub(super) const FINER: i64 = 2;

/// Sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransforMatcherConfig {
    /// The backbone's levels whose correlations a match begins as, by name.
    pub levels: Vec<String>,
    /// Rows and columns of the grid that all levels are brought to.
    pub side: i64,
    /// Values per match.
    pub dim: i64,
    /// Transformer blocks.
    pub depth: i64,
    /// Attention heads, of four values each.
    pub heads: i64,
    /// Whether features below 0 count as 0, as behind the last ReLU of a ResNet's blocks.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub rectified: bool,
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

impl TransforMatcherConfig {
    /// Side of the square that the authors bring photos to, in pixels.
    pub(crate) const IMAGE: i64 = 240;

    /// Which cells a point moves with.
    pub(super) const REACH: Reach = Reach { radius: 0.05, epsilon: 1e-5 };

    /// The same in training.
    pub(super) const TRAINING_REACH: Reach = Reach { radius: 0.1, epsilon: 1e-5 };

    /// As the authors train it, on these blocks of the backbone.
    pub(crate) fn on_blocks(blocks: impl Iterator<Item = i64>) -> Self {
        Self {
            levels: blocks.map(|block| format!("block-{block}")).collect(),
            side: 15,
            dim: 16,
            depth: 6,
            heads: 8,
            rectified: true,
        }
    }

    /// Whether the sizes make sense.
    ///
    /// # Errors
    /// When one is out of range.
    pub(super) fn check_sizes(&self) -> Result<()> {
        let Self { levels, side, dim, depth, heads, .. } = self;
        ensure!(
            (1..=64).contains(&levels.len()),
            "the TransforMatcher takes the correlations of 1 to 64 levels"
        );
        // A match of 24^4 has 16 values: 20 MB each.
        ensure!(
            (2..=24).contains(side),
            "the TransforMatcher's grid has 2 to 24 cells a side, not {side}"
        );
        ensure!(
            (1..=256).contains(dim) && (1..=64).contains(depth) && (1..=64).contains(heads),
            "the TransforMatcher has 1 to 256 values per match, and 1 to 64 blocks and heads"
        );
        Self::REACH.check((FINER * side).max(30))
    }
}
