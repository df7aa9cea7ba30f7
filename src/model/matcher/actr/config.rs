//! Sizes of ACTR, and ACTR as one of the matchers.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::model::cost::{StageCost, Work, attended, attention, block, perceptron};
use crate::model::features::{FeatureShape, LevelShape, deepest};
use crate::model::matcher::actr::{Actr, FLOW_PER_CELL, refiner};
use crate::model::matcher::{Matcher, MatcherConfig};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

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

    fn check_sizes(&self, shape: &FeatureShape) -> Result<()> {
        ensure!(shape.class_token, "the ACTR matcher needs a backbone with a class token");
        ensure!(
            shape.side <= LARGEST_GRID && shape.side % 2 == 0,
            "the ACTR matcher takes features of an even number of cells a side, at most {LARGEST_GRID}, not {}",
            shape.side
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

impl Tagged for ActrConfig {
    const KIND: &'static str = "actr";
}

impl MatcherConfig for ActrConfig {
    fn check(&self, levels: &[LevelShape]) -> Result<()> {
        self.check_sizes(deepest(levels))
    }

    fn flow_side(&self, levels: &[LevelShape]) -> i64 {
        FLOW_PER_CELL * deepest(levels).side
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let Self { depth, heads, .. } = *self;
        let FeatureShape { dim, side, .. } = *deepest(levels);
        let (tokens, cells) = (1 + side * side, FLOW_PER_CELL * FLOW_PER_CELL * side * side);
        let within = attention(tokens, tokens, dim, heads) + perceptron(tokens, dim, 4 * dim);
        let across = Work::map(tokens, dim, dim)
            + Work::map(tokens, dim, 2 * dim)
            + attended(heads, [tokens; 2], dim / heads)
            + Work::map(tokens, dim, dim)
            + perceptron(tokens, dim, 4 * dim);
        let width = self.refiner_dim();
        let stage = |window: i64| {
            block(cells, window * window, width, heads) + perceptron(2, width, width / 16)
        };
        let stages: Work = refiner::WINDOWS.into_iter().flatten().map(stage).sum();
        let convolutions = Work::map(cells, 9 * width, self.residual_channels)
            + Work::map(cells, 9 * self.residual_channels, 2);
        vec![
            StageCost { name: "blocks", work: (within.at_once(2) + across).repeated(depth) },
            StageCost {
                name: "feature projection",
                work: Work::map(tokens - 1, dim, self.feature_channels),
            },
            StageCost { name: "flow refiner", work: (stages + convolutions).at_once(depth) },
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
        Box::new(Actr::new(path, self, deepest(levels)))
    }

    fn is_unused(&self, name: &str) -> bool {
        let segments: Vec<&str> = name.split('.').collect();
        match segments.as_slice() {
            ["learn_parm"] => true,
            ["decoder", "pos_embed_x" | "pos_embed_y"] | ["decoder", "proj" | "norm", _] => true,
            ["decoder", .., "norm3" | "norm4", _] | ["decoder", .., "mlp2", _, _] => true,
            ["decoder", "last_block", _, "spatial_attention", "weight"] => true,
            // Computed from the window's size, not learned.
            [.., "relative_position_index"] => true,
            _ => false,
        }
    }
}
