//! ACTR as one of the matchers.

use std::any::Any;
use std::sync::Arc;

use anyhow::Result;

use crate::flow::PointTransfer;
use crate::model::cost::{StageCost, Work, attended, attention, block, perceptron};
use crate::model::features::{Features, LevelShape, deepest};
use crate::model::matcher::actr::config::ActrConfig;
use crate::model::matcher::actr::{Actr, FLOW_PER_CELL, refiner};
use crate::model::matcher::whole_pixels::WholePixels;
use crate::model::matcher::{Matcher, MatcherConfig, Matching, PairFound, TrainOutput};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;
use tch::Tensor;
impl Tagged for ActrConfig {
    const KIND: &'static str = "actr";
}

impl MatcherConfig for ActrConfig {
    fn check(&self, levels: &[LevelShape]) -> Result<()> {
        self.check_sizes(deepest(levels))
    }

    fn flow_side(&self, levels: &[LevelShape]) -> i64 {
        FLOW_PER_CELL * deepest(levels).side()
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let Self { depth, heads, .. } = *self;
        let (dim, side) = (deepest(levels).dim, deepest(levels).side());
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

impl Matcher for Actr {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        let tokens = [source, target].map(|features| &features.last().tokens);
        self.flow(tokens, false, &Recompute::plain(), &mut |_, _| {}).into()
    }

    /// Feature channels are dropped.
    fn forward_train<'a>(
        &'a self,
        source: &Features,
        target: &Features,
        _masked_ranks: Option<&Tensor>,
        recompute: &Recompute<'a>,
    ) -> TrainOutput {
        let tokens = [source, target].map(|features| &features.last().tokens);
        let flow = self.flow(tokens, true, recompute, &mut |_, _| {});
        TrainOutput { flow, masked: None }
    }

    fn point_transfer(&self, found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        let rule = "a point moves as the whole pixel of the network's frame that it lies in, as ACTR evaluates";
        Some(Arc::new(WholePixels::new(found.flow, found.frames[0].width, rule)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
