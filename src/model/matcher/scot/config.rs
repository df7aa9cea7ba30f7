//! The constants of SCOT.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Pixels from cell to cell of what enters the first block of a ResNet and of the blocks behind it, and side of what a
/// cell sees, as the authors count them.
const CELLS: [(i64, i64); 10] =
    [(4, 11), (4, 19), (4, 27), (4, 35), (8, 43), (8, 59), (8, 75), (8, 91), (16, 107), (16, 139)];

/// The matcher's constants; it has no parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScotConfig {
    /// The blocks of the backbone whose features are compared, side by side on the grid of the first.
    pub blocks: Vec<usize>,
    /// What costs are divided by.
    pub entropy: f64,
    /// The power that transported masses are raised to before they vote.
    pub power: f64,
}

impl ScotConfig {
    /// The longer side of the frame that the authors bring photos to, in pixels.
    pub(crate) const IMAGE: i64 = 300;

    /// The authors' constants for SPair-71k.
    pub(crate) fn spair() -> Self {
        Self { blocks: vec![0, 19, 27, 28, 29, 30], entropy: 0.05, power: 1.0 }
    }

    /// Those for PF-PASCAL and PF-WILLOW.
    pub(crate) fn pf() -> Self {
        Self { blocks: vec![2, 22, 24, 25, 27, 28, 29], power: 0.5, ..Self::spair() }
    }

    /// Those for PF-PASCAL and PF-WILLOW on the backbone of a fully convolutional network.
    pub(crate) fn fcn() -> Self {
        Self { blocks: vec![2, 4, 5, 18, 19, 20, 24, 32], ..Self::pf() }
    }

    /// Pixels from cell to cell.
    pub(super) fn step(&self) -> i64 {
        self.cell().0
    }

    /// Half a side of what a cell sees.
    pub(super) fn reach(&self) -> i64 {
        self.cell().1 / 2
    }

    fn cell(&self) -> (i64, i64) {
        self.blocks.first().and_then(|&block| CELLS.get(block)).copied().unwrap_or_default()
    }

    /// Whether the constants make sense.
    ///
    /// # Errors
    /// When one is out of range.
    pub(super) fn check_constants(&self) -> Result<()> {
        let Self { blocks, entropy, power } = self;
        ensure!(
            blocks.first().is_some_and(|&first| first < CELLS.len()) && blocks.is_sorted(),
            "scot: `blocks` are to ascend from one of 0 to {}, not {blocks:?}",
            CELLS.len() - 1
        );
        ensure!(
            (1e-3..=10.0).contains(entropy) && (0.01..=10.0).contains(power),
            "scot: `entropy` must lie in 0.001 to 10 and `power` in 0.01 to 10, not {entropy} and {power}"
        );
        Ok(())
    }
}
