//! Sizes of NC-Net.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Sizes; the grid is the backbone's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NcNetConfig {
    /// The level of the backbone that is matched, by name.
    pub level: String,
    /// Sides of the layers' kernels.
    pub kernels: Vec<i64>,
    /// Channels out of each layer; the last one has 1.
    pub channels: Vec<i64>,
}

impl NcNetConfig {
    /// Side of the square that the authors bring photos to, in pixels.
    pub(crate) const IMAGE: i64 = 400;

    /// As the authors train it for PF-PASCAL.
    pub(crate) fn pf_pascal() -> Self {
        Self { level: "block-30".to_owned(), kernels: vec![5; 3], channels: vec![16, 16, 1] }
    }

    /// The layers: channels in, channels out, side of the kernel.
    pub(super) fn layers(&self) -> impl Iterator<Item = [i64; 3]> {
        let inputs = [1].iter().chain(&self.channels);
        inputs
            .zip(&self.channels)
            .zip(&self.kernels)
            .map(|((inputs, outputs), kernel)| [*inputs, *outputs, *kernel])
    }

    /// Whether the sizes fit together.
    ///
    /// # Errors
    /// When one is out of range.
    pub(super) fn check_sizes(&self) -> Result<()> {
        let Self { kernels, channels, .. } = self;
        ensure!(
            (1..=16).contains(&kernels.len()) && kernels.len() == channels.len(),
            "the NC-Net matcher has 1 to 16 layers, each with a kernel and channels"
        );
        ensure!(
            kernels.iter().all(|side| [1, 3, 5, 7].contains(side)),
            "the sides of the NC-Net matcher's kernels are odd and at most 7, not {kernels:?}"
        );
        ensure!(
            channels.iter().all(|count| (1..=64).contains(count)) && channels.last() == Some(&1),
            "the NC-Net matcher's layers have 1 to 64 channels, and the last one 1, not {channels:?}"
        );
        Ok(())
    }
}
