//! Sizes of MMNet.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Stages of the backbone, each of which adds a correlation.
const STAGES: usize = 4;

/// Sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MmNetConfig {
    /// Blocks of each stage of the backbone.
    pub stages: Vec<usize>,
    /// Values that each block's features become.
    pub channels: i64,
    /// How far the kernels of a block are spread: so much, twice, and three times.
    pub rate: i64,
    /// How many correlations are added up, beginning with the deepest stage's.
    pub correlations: usize,
}

impl MmNetConfig {
    /// The longer side of the frame that the authors bring photos to, in pixels.
    pub(crate) const IMAGE: i64 = 320;

    /// As the authors train it, on a backbone of these stages.
    pub(crate) fn on_stages(stages: Vec<usize>) -> Self {
        Self { stages, channels: 21, rate: 4, correlations: 3 }
    }

    /// The stages that are read, the deepest first: their number from 1, and the numbers of their blocks among all.
    pub(super) fn read(&self) -> impl Iterator<Item = (usize, Vec<usize>)> + '_ {
        let read = (0..self.stages.len()).rev().take(self.correlations);
        read.map(|stage| {
            let first: usize = self.stages[..stage].iter().sum::<usize>() + 1;
            (stage + 1, (first..first + self.stages[stage]).collect())
        })
    }

    /// The name of the first level of the finest stage that is read, on whose grid correlations are added up.
    pub(super) fn finest(&self) -> String {
        let first = self.read().last().and_then(|(_, blocks)| blocks.first().copied());
        format!("block-{}", first.unwrap_or_default())
    }

    /// Whether the sizes make sense.
    ///
    /// # Errors
    /// When one is out of range.
    pub(super) fn check_sizes(&self) -> Result<()> {
        let Self { stages, channels, rate, correlations } = self;
        ensure!(
            stages.len() == STAGES && stages.iter().all(|blocks| (1..=64).contains(blocks)),
            "the MMNet matcher reads a backbone of {STAGES} stages of 1 to 64 blocks, not {stages:?}"
        );
        ensure!(
            (2..=512).contains(channels) && (1..=64).contains(rate),
            "the MMNet matcher's features have 2 to 512 values, and its kernels are spread by 1 to 64"
        );
        // The finest stage has twice the others' grid, and an enlargement that nothing of the evaluation asks for.
        ensure!(
            (1..STAGES).contains(correlations),
            "the MMNet matcher adds up 1 to {} correlations, not {correlations}",
            STAGES - 1
        );
        Ok(())
    }
}
