//! TransforMatcher as one of the matchers.

use std::any::Any;
use std::sync::Arc;

use anyhow::Result;
use tch::Tensor;

use crate::flow::PointTransfer;
use crate::model::cost::{StageCost, Work, perceptron};
use crate::model::features::{Features, LevelShape, named};
use crate::model::matcher::alike::instead_of;
use crate::model::matcher::near_cells::NearCells;
use crate::model::matcher::transformatcher::TransforMatcher;
use crate::model::matcher::transformatcher::config::{FINER, TransforMatcherConfig};
use crate::model::matcher::{Matcher, MatcherConfig, Matching, PairFound, TrainOutput};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

impl Tagged for TransforMatcherConfig {
    const KIND: &'static str = "transformatcher";
}

impl MatcherConfig for TransforMatcherConfig {
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        named(offered, &self.levels)
    }

    /// Of a transformer, whose features lie around 0, nothing is cut off.
    fn on_levels(&self, offered: &[LevelShape]) -> Option<Chosen<dyn MatcherConfig>> {
        let levels = instead_of(&self.levels, offered)?;
        Some(Chosen::of(Arc::new(Self { levels, rectified: false, ..self.clone() })))
    }

    fn check(&self, _levels: &[LevelShape]) -> Result<()> {
        self.check_sizes()
    }

    fn flow_side(&self, _levels: &[LevelShape]) -> i64 {
        FINER * self.side
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let Self { side, dim, depth, heads, .. } = *self;
        let (cells, count) = (side * side, levels.len() as i64);
        let matches = cells * cells;
        let compared = levels.iter().map(|level| Work::pairwise(1, cells, level.shape.dim, cells));
        // Two sums of all matches by each head, and one matrix for all of them.
        let sums =
            (Work::map(matches, dim, heads) + Work::map(4 * heads, matches, dim)).repeated(2);
        let block = sums + Work::map(matches, dim, dim) + perceptron(matches, dim, 4 * dim);
        let around = Work::map(matches, count, dim) + Work::map(matches, dim, 1);
        vec![
            StageCost { name: "correlations", work: compared.sum() },
            StageCost { name: "match-to-match attention", work: block.repeated(depth) + around },
        ]
    }

    fn objective(&self) -> Option<&'static str> {
        Some("points")
    }

    fn has_parameters(&self) -> bool {
        true
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, path: &VarBuilder, levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(TransforMatcher::new(path, self, levels))
    }

    /// A position of each match, which the authors' code holds and does not add.
    fn is_unused(&self, name: &str) -> bool {
        name == "match2match.posenc"
    }
}

impl Matcher for TransforMatcher {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        self.flow(&self.matches(source, target, &Recompute::plain())).into()
    }

    fn scores(&self, source: &Features, target: &Features) -> Tensor {
        self.matches(source, target, &Recompute::plain()).softmax(-1, None)
    }

    fn forward_train<'a>(
        &'a self,
        source: &Features,
        target: &Features,
        _masked_ranks: Option<&Tensor>,
        recompute: &Recompute<'a>,
    ) -> TrainOutput {
        TrainOutput { flow: self.flow(&self.matches(source, target, recompute)), masked: None }
    }

    fn moved_points(&self, flow: &Tensor, points: &Tensor) -> Option<Tensor> {
        Some(TransforMatcherConfig::TRAINING_REACH.moved(flow, points))
    }

    fn point_transfer(&self, found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        let rule = "a point moves as the cells next to it do, as TransforMatcher evaluates";
        Some(Arc::new(NearCells::new(found.flow, TransforMatcherConfig::REACH, rule)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
