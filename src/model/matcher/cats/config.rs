//! Sizes of CATs, and CATs as one of the matchers.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::model::cost::{StageCost, Work, attention, block, perceptron};
use crate::model::features::LevelShape;
use crate::model::matcher::cats::Cats;
use crate::model::matcher::{Matcher, MatcherConfig};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

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
}

impl Tagged for CatsConfig {
    const KIND: &'static str = "cats";
}

impl MatcherConfig for CatsConfig {
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        let level = |name: &String| {
            let found = offered.iter().find(|level| level.name == *name);
            found.cloned().with_context(|| {
                let names: Vec<&str> = offered.iter().map(|level| level.name.as_str()).collect();
                format!("the backbone has no level `{name}`; it has: {}", names.join(", "))
            })
        };
        self.levels.iter().map(level).collect()
    }

    fn check(&self, _levels: &[LevelShape]) -> Result<()> {
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

    fn flow_side(&self, _levels: &[LevelShape]) -> i64 {
        self.side
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let (cells, dim, count) = (self.side * self.side, self.dim(), levels.len() as i64);
        let projected =
            levels.iter().map(|level| Work::map(cells, level.shape.dim, self.projection));
        let compared = levels.iter().map(|level| Work::pairwise(1, cells, level.shape.dim, cells));
        let block = block(count * cells, cells, dim, self.heads)
            + attention(cells * count, count, dim, self.heads)
            + perceptron(count * cells, dim, 4 * dim);
        let pass = block.repeated(self.depth) + Work::map(count * cells, dim, cells);
        vec![
            StageCost { name: "projection", work: projected.sum::<Work>().at_once(2) },
            StageCost { name: "correlations", work: compared.sum() },
            StageCost { name: "aggregation", work: pass.repeated(2) },
        ]
    }

    fn objective(&self) -> Option<&'static str> {
        Some("flow")
    }

    fn has_parameters(&self) -> bool {
        true
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, path: &VarBuilder, levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(Cats::new(path, self, levels))
    }

    fn is_unused(&self, name: &str) -> bool {
        let segments: Vec<&str> = name.split('.').collect();
        match segments.as_slice() {
            ["decoder", "norm", _] => true,
            // A single level attends within itself alone.
            ["decoder", "blocks", _, "attn_multiscale", ..]
            | ["decoder", "blocks", _, "norm3" | "norm4", _]
            | ["decoder", "blocks", _, "mlp2", ..] => self.levels.len() == 1,
            _ => false,
        }
    }
}
