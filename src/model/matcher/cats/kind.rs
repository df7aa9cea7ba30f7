//! CATs as one of the matchers.

use std::any::Any;
use std::sync::Arc;

use anyhow::Result;
use tch::Tensor;

use crate::flow::PointTransfer;
use crate::model::cost::{StageCost, Work, attention, block, perceptron};
use crate::model::features::{Features, LevelShape, named};
use crate::model::matcher::alike::instead_of;
use crate::model::matcher::cats::Cats;
use crate::model::matcher::cats::config::CatsConfig;
use crate::model::matcher::whole_pixels::WholePixels;
use crate::model::matcher::{Matcher, MatcherConfig, Matching, PairFound, TrainOutput};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

impl Tagged for CatsConfig {
    const KIND: &'static str = "cats";
}

impl MatcherConfig for CatsConfig {
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        named(offered, &self.levels)
    }

    fn on_levels(&self, offered: &[LevelShape]) -> Option<Chosen<dyn MatcherConfig>> {
        let levels = instead_of(&self.levels, offered)?;
        Some(Chosen::of(Arc::new(Self { levels, ..self.clone() })))
    }

    fn check(&self, _levels: &[LevelShape]) -> Result<()> {
        self.check_sizes()
    }

    fn flow_side(&self, _levels: &[LevelShape]) -> i64 {
        self.side
    }

    /// The same pixels, of a smaller frame.
    fn keypoint_reach(&self) -> f64 {
        17.0 / Self::IMAGE as f64
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

impl Matcher for Cats {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        let correlation = self.correlation(source, target, &Recompute::plain());
        self.soft_argmax.flow(&correlation).into()
    }

    fn forward_train<'a>(
        &'a self,
        source: &Features,
        target: &Features,
        _masked_ranks: Option<&Tensor>,
        recompute: &Recompute<'a>,
    ) -> TrainOutput {
        let correlation = self.correlation(source, target, recompute);
        TrainOutput { flow: self.soft_argmax.flow(&correlation), masked: None }
    }

    fn point_transfer(&self, found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        let rule = "a point moves as the whole pixel of the network's frame that it lies in, as CATs evaluates";
        Some(Arc::new(WholePixels::new(found.flow, found.frames[0].width, rule)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
