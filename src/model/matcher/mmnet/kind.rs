//! MMNet as one of the matchers.

use std::any::Any;
use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::flow::PointTransfer;
use crate::geometry::Size;
use crate::model::cost::{StageCost, Work};
use crate::model::features::{Features, LevelShape, named};
use crate::model::matcher::cosine::flow_between;
use crate::model::matcher::mmnet::MmNet;
use crate::model::matcher::mmnet::config::MmNetConfig;
use crate::model::matcher::mmnet::points::BetweenCorrelations;
use crate::model::matcher::{Matcher, MatcherConfig, Matching, PairFound};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

impl Tagged for MmNetConfig {
    const KIND: &'static str = "mmnet";
}

impl MatcherConfig for MmNetConfig {
    /// Every block of the stages that are read, in order of depth.
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        self.check_sizes()?;
        let mut blocks: Vec<usize> = self.read().flat_map(|(_, blocks)| blocks).collect();
        blocks.sort_unstable();
        let names: Vec<String> = blocks.iter().map(|block| format!("block-{block}")).collect();
        named(offered, &names)
    }

    /// Each stage has one grid, and the next finer one the same or twice as many rows and columns.
    fn check(&self, levels: &[LevelShape]) -> Result<()> {
        let grid = |level: &LevelShape| [level.shape.rows, level.shape.columns];
        let mut grids: Vec<[i64; 2]> = levels.iter().map(grid).collect();
        grids.dedup();
        let fits = |pair: &[[i64; 2]]| pair[0] == pair[1].map(|side| 2 * side);
        ensure!(
            grids.len() <= self.correlations && grids.windows(2).all(fits),
            "the MMNet matcher takes stages of which each has the next one's grid or one of twice its sides, not {grids:?}"
        );
        Ok(())
    }

    fn flow_side(&self, levels: &[LevelShape]) -> i64 {
        levels[0].shape.columns
    }

    fn takes_any_shape(&self) -> bool {
        true
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let (channels, inner) = (self.channels, self.channels / 2);
        let block = |level: &LevelShape| {
            let cells = level.shape.cells();
            Work::map(cells, 9 * level.shape.dim, 32)
                + Work::map(cells, 9 * 32, 32).repeated(3)
                + Work::map(cells, 32, channels)
        };
        let (stages, cells) = (self.correlations as i64, levels[0].shape.cells());
        let around = Work::map(cells, channels, inner).repeated(3)
            + Work::map(cells, inner, channels)
            + Work::map(cells, 9 * 2 * channels, channels);
        let features = levels.iter().map(block).sum::<Work>() + around.repeated(stages);
        let compared = Work::pairwise(1, cells, stages * channels, cells);
        vec![
            StageCost { name: "multi-scale features", work: features.at_once(2) },
            StageCost { name: "correlations", work: compared },
        ]
    }

    fn has_parameters(&self) -> bool {
        true
    }

    /// TorchScript's interface takes squares.
    fn is_traceable(&self) -> bool {
        false
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, path: &VarBuilder, levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(MmNet::new(path, self, levels))
    }

    /// What is there for other backbones and for stages that are not read: what is read is not asked for.
    fn is_unused(&self, name: &str) -> bool {
        let part = name.split('.').next().unwrap_or_default();
        let number = |rest: &str| rest.split('_').next().and_then(|stage| stage.parse().ok());
        let is_read = |stage: usize| self.read().any(|(read, _)| read == stage);
        let unread = |rest: &str| number(rest).is_some_and(|stage| !is_read(stage));
        let of_stage =
            ["msblock", "conv", "wa_"].into_iter().find_map(|kind| part.strip_prefix(kind));
        part.ends_with("_kernel")
            || part.starts_with("feature_upsample_")
            || part.starts_with("feat_upsample_")
            || of_stage.is_some_and(unread)
    }
}

impl Matcher for MmNet {
    /// Every cell goes to its best match.
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        let correlation = self.correlation(source, target);
        let grids = [source, target].map(|features| self.grid(features));
        let flow = flow_between(&correlation.argmax(2, false), grids);
        Matching { correlation: Some(correlation), ..flow.into() }
    }

    fn point_transfer(&self, found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        let correlation = Vec::<f32>::try_from(found.correlation?.flatten(0, -1)).ok()?;
        let grids = [found.source, found.target].map(|features| {
            let shape = self.grid(features);
            Size::new(shape.rows as usize, shape.columns as usize)
        });
        Some(Arc::new(BetweenCorrelations::new(correlation, grids)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
