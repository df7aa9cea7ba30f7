//! Sizes of NC-Net, and NC-Net as one of the matchers.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::model::cost::{StageCost, Work};
use crate::model::features::LevelShape;
use crate::model::matcher::ncnet::NcNet;
use crate::model::matcher::{Matcher, MatcherConfig};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

/// Most rows and columns: a map of 32^4 values, in 16 channels, takes 64 MiB, and several are held.
const LARGEST_GRID: i64 = 32;

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
}

impl Tagged for NcNetConfig {
    const KIND: &'static str = "ncnet";
}

impl MatcherConfig for NcNetConfig {
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        let found = offered.iter().find(|level| level.name == self.level);
        Ok(vec![found.cloned().with_context(|| {
            let names: Vec<&str> = offered.iter().map(|level| level.name.as_str()).collect();
            format!("the backbone has no level `{}`; it has: {}", self.level, names.join(", "))
        })?])
    }

    fn check(&self, _levels: &[LevelShape]) -> Result<()> {
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

    fn largest_grid(&self) -> i64 {
        LARGEST_GRID
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let shape = levels[0].shape;
        let cells = shape.side * shape.side;
        let layer = |[inputs, outputs, kernel]: [i64; 3]| {
            Work::map(cells * cells, inputs * kernel.pow(4), outputs)
        };
        // Every layer looks from either photo's side.
        let consensus = self.layers().map(layer).sum::<Work>().repeated(2);
        vec![
            StageCost { name: "correlation", work: Work::pairwise(1, cells, shape.dim, cells) },
            StageCost { name: "consensus", work: consensus },
        ]
    }

    fn has_parameters(&self) -> bool {
        true
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, path: &VarBuilder, _levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(NcNet::new(path, self))
    }
}
