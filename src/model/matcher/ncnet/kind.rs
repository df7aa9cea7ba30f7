//! NC-Net as one of the matchers.

use std::any::Any;
use std::slice;
use std::sync::Arc;

use anyhow::Result;
use tch::Tensor;

use crate::flow::PointTransfer;
use crate::model::cost::{StageCost, Work};
use crate::model::features::{Features, LevelShape, named};
use crate::model::matcher::cosine::{cells, flow_to};
use crate::model::matcher::ncnet::NcNet;
use crate::model::matcher::ncnet::config::NcNetConfig;
use crate::model::matcher::ncnet::points::BetweenCells;
use crate::model::matcher::{Matcher, MatcherConfig, Matching, PairFound};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

/// Most rows and columns: a map of 32^4 values, in 16 channels, takes 64 MiB, and several are held.
const LARGEST_GRID: i64 = 32;
impl Tagged for NcNetConfig {
    const KIND: &'static str = "ncnet";
}

impl MatcherConfig for NcNetConfig {
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        named(offered, slice::from_ref(&self.level))
    }

    fn check(&self, _levels: &[LevelShape]) -> Result<()> {
        self.check_sizes()
    }

    fn largest_grid(&self) -> i64 {
        LARGEST_GRID
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let shape = levels[0].shape;
        let cells = shape.side() * shape.side();
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

    fn objective(&self) -> Option<&'static str> {
        Some("weak")
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

impl Matcher for NcNet {
    /// Every cell goes to its best match.
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        let best = self.filtered(source, target).argmax(2, false); // [B, S]
        let [source_side, target_side] =
            [source, target].map(|features| features.level(&self.level).shape.side());
        let places = cells(target_side, best.device());
        let matches =
            places.index_select(0, &best.flatten(0, 1)).view([-1, source_side * source_side, 2]);
        flow_to(&matches, source_side).into()
    }

    fn scores(&self, source: &Features, target: &Features) -> Tensor {
        self.filtered(source, target)
    }

    fn point_transfer(&self, found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        Some(Arc::new(BetweenCells::new(found.flow)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
