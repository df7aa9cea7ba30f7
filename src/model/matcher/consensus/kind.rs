//! Consensus as one of the matchers.

use std::any::Any;
use std::sync::Arc;

use anyhow::{Result, ensure};
use tch::Tensor;

use crate::model::cost::{StageCost, Work};
use crate::model::features::{CHANGE, Features, LevelShape, deepest};
use crate::model::matcher::consensus::Consensus;
use crate::model::matcher::consensus::calibration::Calibration;
use crate::model::matcher::consensus::closer;
use crate::model::matcher::consensus::config::ConsensusConfig;
use crate::model::matcher::cosine::{self, pooled};
use crate::model::matcher::parts::Parts;
use crate::model::matcher::{CloserLook, Matcher, MatcherConfig, Matching};
use crate::model::part::Chosen;
use crate::model::quality::Quality;
use crate::nn::parameters::VarBuilder;

impl MatcherConfig for ConsensusConfig {
    fn check(&self, levels: &[LevelShape]) -> Result<()> {
        self.check_constants()?;
        ensure!(
            self.quality != Quality::Standard || levels.iter().any(|level| level.name == CHANGE),
            "consensus: the quality `standard` is for models with a trained adapter, which tells animals from what is \
             around them; of this one there are `fast` and `fine`"
        );
        self.check_steps(deepest(levels))
    }

    fn is_calibrated(&self) -> bool {
        self.calibration.is_some()
    }

    fn with_quality(&self, quality: Quality) -> Result<Chosen<dyn MatcherConfig>> {
        Ok(Chosen::of(Arc::new(Self { quality, ..self.clone() })))
    }

    fn looks(&self) -> i64 {
        if self.looks_closer() { 2 } else { 1 }
    }

    fn flow_side(&self, levels: &[LevelShape]) -> i64 {
        self.looks() * deepest(levels).side()
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let shape = deepest(levels);
        let cells = (shape.side() * shape.side()) as f64;
        let operations = self.passes().into_iter().map(|(rounds, radius_squared)| {
            // Rows of the disc are shared: one shifted sum per step along x and along y, in both directions.
            let shifted_sums = 4.0 * radius_squared.isqrt() as f64;
            f64::from(rounds) * 2.0 * shifted_sums * cells * cells
        });
        vec![
            cosine::work(shape),
            StageCost { name: "agreement", work: Work::other(operations.sum()) },
        ]
    }

    fn objective(&self) -> Option<&'static str> {
        Some("matching")
    }

    /// One pass, and without the calibration: features that are trained further are other features.
    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        let plain = Self { calibration: None, quality: Quality::Fast, ..self.clone() };
        Chosen::of(Arc::new(plain))
    }

    fn build(&self, _path: &VarBuilder, _levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(Consensus::new(self))
    }
}

/// The first look at a pair.
fn found(
    consensus: &Consensus,
    source: &Features,
    target: &Features,
    calibration: Option<&Calibration>,
) -> Matching {
    let peaks = consensus.peaks(source, target);
    let focus = consensus.config().looks_closer().then(|| peaks.focus(source, target));
    let confidence = calibration.map(|calibration| calibration.confidence(&peaks.evidence()));
    Matching { confidence, focus, ..peaks.into_flow().into() }
}

impl Matcher for Consensus {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        found(self, source, target, None)
    }

    fn forward_with_confidence(&self, source: &Features, target: &Features) -> Matching {
        found(self, source, target, self.config().calibration.as_ref())
    }

    fn scores(&self, source: &Features, target: &Features) -> Tensor {
        self.one_pass(&pooled(source), &pooled(target)).scores
    }

    fn closer_look(&self) -> Option<&dyn CloserLook> {
        self.config().looks_closer().then_some(self as &dyn CloserLook)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl CloserLook for Consensus {
    fn parts(&self, found: &Matching) -> Vec<Option<Parts>> {
        closer::parts(found, &self.config().closer)
    }

    fn look(
        &self,
        found: &Matching,
        parts: &[Option<Parts>],
        near: Option<[Features; 2]>,
    ) -> Matching {
        let near = near.map(|[source, target]| {
            let side = source.last().shape.side();
            self.guided(&source, &target, &closer::guide(found, parts, side, &self.config().closer))
        });
        closer::merged(found, parts, near.as_ref())
    }
}
