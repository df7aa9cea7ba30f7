//! DHPF as one of the matchers.

use std::any::Any;
use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::flow::PointTransfer;
use crate::model::cost::{StageCost, Work};
use crate::model::features::{FeatureShape, Features, LevelShape};
use crate::model::matcher::boxes::{Boxes, ByBoxes};
use crate::model::matcher::cosine::{cells, flow_to};
use crate::model::matcher::dhpf::config::DhpfConfig;
use crate::model::matcher::dhpf::{Dhpf, REACH, STEP};
use crate::model::matcher::mutual::mutual;
use crate::model::matcher::{Matcher, MatcherConfig, Matching, PairFound};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

impl Tagged for DhpfConfig {
    const KIND: &'static str = "dhpf";
}

impl MatcherConfig for DhpfConfig {
    /// Every block's.
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        let blocks: Vec<LevelShape> =
            offered.iter().filter(|level| level.name.starts_with("block-")).cloned().collect();
        ensure!(!blocks.is_empty(), "the DHPF matcher needs a backbone that offers its blocks");
        Ok(blocks)
    }

    fn check(&self, levels: &[LevelShape]) -> Result<()> {
        self.check_sizes(levels)
    }

    fn flow_side(&self, levels: &[LevelShape]) -> i64 {
        levels[0].shape.side()
    }

    /// Of all blocks, though few are chosen.
    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let cells = levels[0].shape.side() * levels[0].shape.side();
        let compared = levels.iter().map(|level| {
            let (dim, own) = (level.shape.dim, level.shape.side() * level.shape.side());
            let reduced = dim / self.reduction;
            Work::map(own, dim, reduced).at_once(2) + Work::pairwise(1, cells, reduced, cells)
        });
        vec![StageCost { name: "comparison of all blocks", work: compared.sum() }]
    }

    fn has_parameters(&self) -> bool {
        true
    }

    /// Which blocks are read depends on the photos.
    fn is_traceable(&self) -> bool {
        false
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, path: &VarBuilder, levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(Dhpf::new(path, self, levels))
    }
}

impl Matcher for Dhpf {
    /// Every cell goes to its best match.
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        let side = self.side;
        let best = mutual(&self.matches(source, target)).argmax(2, false); // [B, S]
        let places = cells(side, best.device());
        let matches = places.index_select(0, &best.flatten(0, 1)).view([-1, side * side, 2]);
        flow_to(&matches, side).into()
    }

    fn point_transfer(&self, found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        let boxes = Boxes { step: STEP, reach: REACH };
        let rule =
            "a point moves as the cells whose boxes hold it do in the mean, as DHPF evaluates";
        Some(Arc::new(ByBoxes::new(found, FeatureShape::square(0, self.side), boxes, rule)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
