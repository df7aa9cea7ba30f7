//! A matcher that reads two levels and moves points by its correlation, for tests: what a further matcher
//! takes.

use std::any::Any;
use std::sync::Arc;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::flow::PointTransfer;
use crate::geometry::{Point, Size};
use crate::model::backbone::toy::ToyBackbone;
use crate::model::config::ModelConfig;
use crate::model::cost::StageCost;
use crate::model::features::{Features, LevelShape};
use crate::model::input::InputRule;
use crate::model::matcher::cosine::{cells, flow_to};
use crate::model::matcher::{Matcher, MatcherConfig, Matching, PairFound};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::{Init, VarBuilder};

/// The matcher's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToyMatcher {}

/// The toy model.
pub(crate) fn preset() -> ModelConfig {
    ModelConfig {
        input_size: 64,
        input: InputRule::Stretch,
        backbone: Chosen::of(Arc::new(ToyBackbone::default())),
        head: None,
        matcher: Chosen::of(Arc::new(ToyMatcher {})),
    }
}

impl Tagged for ToyMatcher {
    const KIND: &'static str = "toy";
}

impl MatcherConfig for ToyMatcher {
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        anyhow::ensure!(offered.len() >= 2, "the toy matcher reads two levels");
        Ok(offered[offered.len() - 2..].to_vec())
    }

    fn work(&self, _levels: &[LevelShape]) -> Vec<StageCost> {
        Vec::new()
    }

    fn objective(&self) -> Option<&'static str> {
        Some("toy")
    }

    fn has_parameters(&self) -> bool {
        true
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, path: &VarBuilder, levels: &[LevelShape]) -> Box<dyn Matcher> {
        let finer = levels[0].name.clone();
        Box::new(Toy { sharpness: path.parameter("sharpness", &[2], Init::Constant(1.0)), finer })
    }
}

#[derive(Debug)]
struct Toy {
    /// What the correlation of each level is multiplied by, `[2]`.
    sharpness: Tensor,
    finer: String,
}

impl Matcher for Toy {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        let side = source.last().shape.side();
        let correlate = |of: &dyn Fn(&Features) -> Tensor, level: i64| {
            of(source).bmm(&of(target).transpose(1, 2)) * self.sharpness.get(level) // [B, S, T]
        };
        // The finer level on the grid of the last one.
        let pooled = |features: &Features| {
            let level = features.level(&self.finer);
            level.map().adaptive_avg_pool2d([side, side]).flatten(2, 3).transpose(1, 2) // [B, N, D]
        };
        let correlation =
            correlate(&pooled, 0) + correlate(&|features| features.last().patches(), 1);
        let weights = correlation.softmax(-1, Kind::Float); // [B, S, T]
        let flow = flow_to(&weights.matmul(&cells(side, weights.device())), side);
        Matching { correlation: Some(correlation), ..flow.into() }
    }

    fn point_transfer(&self, found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        let best = Vec::<i64>::try_from(found.correlation?.argmax(1, false)).ok()?;
        let grid = Size::square(best.len().isqrt());
        Some(Arc::new(BestCell { best, grid }))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Every point moves as its cell: to the target cell that correlates most.
#[derive(Debug)]
struct BestCell {
    best: Vec<i64>,
    grid: Size,
}

impl PointTransfer for BestCell {
    fn target_from_source_unit(&self, unit: Point) -> Point {
        let side = self.grid.width;
        let cell = |position: f64| ((position * side as f64) as usize).min(side - 1);
        let best = self.best[cell(unit.y) * side + cell(unit.x)] as usize;
        self.grid.unit_from_pixel(Point::new((best % side) as f64, (best / side) as f64))
    }

    fn rule(&self) -> &'static str {
        "a point moves as its cell, as the toy has it"
    }
}
