//! Sizes of CATs.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatsConfig {
    /// The backbone's levels whose correlations are aggregated, by name.
    pub levels: Vec<String>,
    /// Rows and columns of the grid that all levels are brought to, which is the flow's.
    pub side: i64,
    /// Values that each level's features are projected to, beside a row of its correlation.
    pub projection: i64,
    /// Transformer blocks, through which everything goes twice.
    pub depth: i64,
    /// Attention heads.
    pub heads: i64,
}

impl CatsConfig {
    /// Side of the square that the authors bring photos to, in pixels.
    pub(crate) const IMAGE: i64 = 256;

    /// A block beyond which the authors read none; a backbone is to have a deepest level, which is not read.
    pub(crate) const DEEPEST: i64 = 30;

    /// The blocks of ResNet-101 by which the authors train on SPair-71k (Min et al. 2019).
    pub(crate) const SPAIR: [i64; 8] = [0, 8, 20, 21, 26, 28, 29, 30];

    /// Those by which their files for PF-PASCAL and PF-WILLOW are known to be trained.
    pub(crate) const PF_PASCAL: [i64; 7] = [2, 17, 21, 22, 25, 26, 28];

    /// As the authors train it, on these blocks of the backbone.
    pub(crate) fn on_blocks(blocks: &[i64]) -> Self {
        Self {
            levels: blocks.iter().map(|block| format!("block-{block}")).collect(),
            side: 16,
            projection: 128,
            depth: 1,
            heads: 6,
        }
    }

    /// Values per row of the transformer: a cell's correlations and its projected features.
    pub(super) fn dim(&self) -> i64 {
        self.side * self.side + self.projection
    }

    /// Whether the sizes fit together.
    ///
    /// # Errors
    /// When one is out of range or does not divide.
    pub(super) fn check_sizes(&self) -> Result<()> {
        let Self { levels, side, projection, depth, heads } = self;
        ensure!((1..=64).contains(&levels.len()), "the CATs matcher takes 1 to 64 levels");
        let mut distinct: Vec<&String> = levels.iter().collect();
        distinct.sort();
        distinct.dedup();
        ensure!(distinct.len() == levels.len(), "the CATs matcher takes each level once");
        ensure!(
            (2..=32).contains(side),
            "the CATs matcher's grid has 2 to 32 cells a side, not {side}"
        );
        ensure!((2..=2048).contains(projection), "features are projected to 2 to 2048 values");
        ensure!((1..=64).contains(depth), "the CATs matcher has 1 to 64 blocks");
        let dim = self.dim();
        ensure!(
            (1..=32).contains(heads) && dim % heads == 0 && dim % 2 == 0,
            "the {dim} values per row must be even and divide into {heads} heads, at most 32"
        );
        Ok(())
    }
}
