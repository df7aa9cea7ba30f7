//! SCOT as one of the matchers.

use std::any::Any;
use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::flow::PointTransfer;
use crate::model::backbone::resnet::activation::{ACTIVATION, STEP};
use crate::model::cost::{StageCost, Work};
use crate::model::features::{FeatureShape, Features, LevelShape, named};
use crate::model::matcher::boxes::{Boxes, ByBoxes};
use crate::model::matcher::cosine::flow_between;
use crate::model::matcher::scot::Scot;
use crate::model::matcher::scot::config::ScotConfig;
use crate::model::matcher::{Matcher, MatcherConfig, Matching, PairFound};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

/// About how many offsets are told apart along each axis.
const BINS: i64 = 91;

/// Most rows and columns: a map of 96^4 values takes 340 MB, and several are held.
const LARGEST_GRID: i64 = 96;

impl Tagged for ScotConfig {
    const KIND: &'static str = "scot";
}

impl MatcherConfig for ScotConfig {
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        let blocks = self.blocks.iter().map(|block| format!("block-{block}"));
        named(offered, &[ACTIVATION.to_owned()].into_iter().chain(blocks).collect::<Vec<_>>())
    }

    fn check(&self, levels: &[LevelShape]) -> Result<()> {
        self.check_constants()?;
        let [seen, first] = [0, 1].map(|level| levels[level].shape.columns.max(1));
        let found = STEP * ((2 * seen + first) / (2 * first));
        ensure!(
            found == self.step(),
            "scot: cells of its first block are taken to be {} pixels apart, and of this backbone they are {found}",
            self.step()
        );
        Ok(())
    }

    fn largest_grid(&self) -> i64 {
        LARGEST_GRID
    }

    fn takes_any_shape(&self) -> bool {
        true
    }

    /// Of photos of 4 to 3.
    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let first = levels[1].shape;
        let (rows, columns) = (first.rows, first.columns);
        let compared = levels[1..].iter().map(|level| {
            let FeatureShape { dim, .. } = level.shape;
            Work::pairwise(1, level.shape.cells(), dim, level.shape.cells())
        });
        let bins = BINS;
        let voted =
            Work::map(rows * rows, columns * columns, bins) + Work::map(bins, rows * rows, bins);
        vec![
            StageCost { name: "costs", work: compared.sum() },
            StageCost { name: "votes", work: voted },
        ]
    }

    /// Every photo has a frame of its own form.
    fn is_traceable(&self) -> bool {
        false
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, _path: &VarBuilder, _levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(Scot { config: self.clone() })
    }
}

impl Matcher for Scot {
    /// Every cell goes to its best match.
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        let best = self.votes(source, target).argmax(2, false); // [B, S]
        flow_between(&best, [source, target].map(|features| self.shape(features))).into()
    }

    fn point_transfer(&self, found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        let boxes = Boxes { step: self.config.step(), reach: self.config.reach() };
        let rule =
            "a point moves as the cells whose boxes hold it do in the mean, as SCOT evaluates";
        Some(Arc::new(ByBoxes::new(found, self.shape(found.target), boxes, rule)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
