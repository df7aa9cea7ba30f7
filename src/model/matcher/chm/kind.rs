//! CHM as one of the matchers.

use std::any::Any;
use std::slice;
use std::sync::Arc;

use anyhow::Result;
use tch::Tensor;

use crate::flow::PointTransfer;
use crate::model::cost::{StageCost, Work};
use crate::model::features::{Features, LevelShape, named};
use crate::model::matcher::chm::config::{ChmConfig, FINER, Sharing};
use crate::model::matcher::chm::kernel::{SCALES, SIDE};
use crate::model::matcher::chm::{Chm, REDUCTION};
use crate::model::matcher::near_cells::NearCells;
use crate::model::matcher::{Matcher, MatcherConfig, Matching, PairFound};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

impl Tagged for ChmConfig {
    const KIND: &'static str = "chm";
}

impl MatcherConfig for ChmConfig {
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        named(offered, slice::from_ref(&self.level))
    }

    fn check(&self, levels: &[LevelShape]) -> Result<()> {
        self.check_sizes(levels[0].shape.side())
    }

    fn flow_side(&self, levels: &[LevelShape]) -> i64 {
        FINER * levels[0].shape.side()
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let shape = levels[0].shape;
        let (side, dim) = (shape.side(), shape.dim / REDUCTION);
        let sides = self.sides(side);
        let cells = |side: &i64| side * side;
        let transformed = sides.iter().map(|side| Work::map(cells(side), 9 * shape.dim, dim));
        let compared = sides.iter().flat_map(|source| {
            sides.iter().map(move |target| Work::pairwise(1, cells(source), dim, cells(target)))
        });
        let groups = match self.sharing {
            Sharing::Psi => 4,
            Sharing::Iso => 3,
            Sharing::Full => 9,
        };
        let (matches, fine) = (side.pow(4), (FINER * side).pow(4));
        let votes = Work::map(SCALES * SCALES * matches, groups * SIDE.pow(4), 1)
            + Work::map(fine, SIDE.pow(4), 1);
        vec![
            StageCost { name: "features", work: transformed.sum::<Work>().at_once(2) },
            StageCost { name: "correlations", work: compared.sum() },
            StageCost { name: "votes", work: votes },
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
        Box::new(Chm::new(path, self, &levels[0]))
    }
}

impl Matcher for Chm {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        self.flow(source, target).into()
    }

    fn scores(&self, source: &Features, target: &Features) -> Tensor {
        self.matches(source, target)
    }

    fn moved_points(&self, flow: &Tensor, points: &Tensor) -> Option<Tensor> {
        Some(ChmConfig::REACH.moved(flow, points))
    }

    fn point_transfer(&self, found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        let rule = "a point moves as the cells near it do, as CHM evaluates";
        Some(Arc::new(NearCells::new(found.flow, ChmConfig::REACH, rule)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
