//! Sizes of DHPF.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::model::features::LevelShape;

/// Most rows and columns of the first block's grid: a map of 64^4 values takes 64 MiB.
const LARGEST_GRID: i64 = 64;

/// Sizes; the grid is that of what enters the backbone's first block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DhpfConfig {
    /// How many times fewer values a block's features have when they are compared.
    pub reduction: i64,
    /// Hidden values of what chooses the blocks.
    pub hidden: i64,
}

impl Default for DhpfConfig {
    /// As the authors train it.
    fn default() -> Self {
        Self { reduction: 8, hidden: 32 }
    }
}

impl DhpfConfig {
    /// Side of the square that the authors bring photos to, in pixels.
    pub(crate) const IMAGE: i64 = 240;

    /// Whether the sizes fit these levels.
    ///
    /// # Errors
    /// When one is out of range or does not divide.
    pub(super) fn check_sizes(&self, levels: &[LevelShape]) -> Result<()> {
        let Self { reduction, hidden } = *self;
        let side = levels.first().map_or(0, |level| level.shape.side());
        ensure!(
            (2..=LARGEST_GRID).contains(&side),
            "the DHPF matcher takes features of 2 to {LARGEST_GRID} cells a side before the first block, not {side}"
        );
        ensure!(
            (1..=64).contains(&reduction)
                && levels.iter().all(|level| level.shape.dim % reduction == 0),
            "every block's values must divide by the DHPF matcher's reduction, {reduction}"
        );
        ensure!(
            (1..=1024).contains(&hidden),
            "the DHPF matcher's gates have 1 to 1024 hidden values"
        );
        Ok(())
    }
}
