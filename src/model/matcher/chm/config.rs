//! Sizes of CHM.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::model::matcher::near_cells::Reach;

/// How many times finer the flow's grid is than that of the features.
pub(super) const FINER: i64 = 2;

/// Sizes; the grid of the features is the backbone's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChmConfig {
    /// The level of the backbone that is matched, by name.
    pub level: String,
    /// Which entries of its kernels are one parameter.
    pub sharing: Sharing,
    /// The areas, in parts of the features' own, at which the features are compared.
    pub areas: Vec<f64>,
}

/// Which entries of the kernels are one parameter (CHM, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sharing {
    /// Those whose cells lie as far from the middle and from one another (position-sensitive isotropic).
    Psi,
    /// Those whose cells lie as far from one another (isotropic).
    Iso,
    /// None.
    Full,
}

impl ChmConfig {
    /// Side of the square that the authors bring photos to, in pixels.
    pub(crate) const IMAGE: i64 = 240;

    /// Which cells a point moves with.
    pub(super) const REACH: Reach = Reach { radius: 0.1, epsilon: 0.0 };

    /// As the authors train it, on this block of the backbone.
    pub(crate) fn on_block(block: i64, sharing: Sharing) -> Self {
        Self { level: format!("block-{block}"), sharing, areas: vec![0.5, 1.0, 2.0] }
    }

    /// Rows of the features at each area, where they have `side` themselves.
    pub(super) fn sides(&self, side: i64) -> Vec<i64> {
        self.areas.iter().map(|area| (side as f64 * area.sqrt()).round_ties_even() as i64).collect()
    }

    /// Whether the sizes fit features of `side` rows.
    ///
    /// # Errors
    /// When one is out of range.
    pub(super) fn check_sizes(&self, side: i64) -> Result<()> {
        ensure!(
            self.areas.len() == 3 && self.areas.iter().all(|area| (0.1..=4.0).contains(area)),
            "the CHM matcher compares features at three areas of 0.1 to 4, not {:?}",
            self.areas
        );
        ensure!(
            (4..=24).contains(&side),
            "the CHM matcher takes features of 4 to 24 cells a side, not {side}"
        );
        Self::REACH.check((FINER * side).max(30))
    }
}
