//! Iterated neighbourhood consensus without training: a match is believed as far as its neighbours match
//! in the same direction (the idea of NC-Net and of Hough voting).
//!
//! With C the cosines of source cells s and target cells t, U = C / temperature, and the mutual softmax
//! `mutual(L)` = exp((log-softmax over targets of L + log-softmax over sources of L) / 2):
//!
//! 1. P = mutual(U).
//! 2. `iterations` times: Q(s, t) = sum over shifts d of K(d) P(s + d, t + d), for d in a disc, with
//!    K(d) = exp(-|d|^2 / (2 sigma^2)); 3x3 mean of Q over the target grid, zeros beyond its rim;
//!    L = agreement * log(Q + 1e-8) + prior * U; P = mutual(L).
//! 3. Flow: the expected target cell under softmax(L - dist^2 / (2 window^2)), dist being measured from
//!    the best target of each source cell.
//! 4. Confidence, where it is calibrated: see [`calibration`].
//!
//! Everything is computed with E = exp(L) = (Q + 1e-8)^agreement * exp(prior * U) instead of L: mutual(L)
//! is then E / sqrt(row sum * column sum), and no exponential is left inside the loop.

pub(crate) mod calibration;
pub(crate) mod peaks;

use std::any::Any;
use std::sync::Arc;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::model::cost::{StageCost, Work};
use crate::model::features::{FeatureShape, Features, LevelShape, deepest};
use crate::model::matcher::consensus::calibration::Calibration;
use crate::model::matcher::consensus::peaks::{Peaks, Round, TINY};
use crate::model::matcher::cosine::{self, cosines, pooled};
use crate::model::matcher::{Matcher, MatcherConfig, Matching};
use crate::model::part::{Chosen, Tagged};
use crate::nn::ops::Operation;
use crate::nn::ops::agreement::{Agreement, Rounds};
use crate::nn::ops::neighbours::Disc;
use crate::nn::parameters::VarBuilder;

/// Most rounds. Matches settle within ten.
const MOST_ROUNDS: u32 = 50;

/// Most steps that the rounds may take for a pair: some seconds on one core, sixty times those of `lite`.
const MOST_STEPS: f64 = 5e9;

/// Added to agreement, so that a match that no neighbour supports is unlikely, not impossible.
const FLOOR: f64 = 1e-8;

/// The matcher's constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConsensusConfig {
    /// What cosines are divided by.
    pub temperature: f64,
    /// Rounds of agreement, at least one.
    pub iterations: u32,
    /// Square of the radius, in cells, within which neighbours are asked.
    pub radius_squared: i64,
    /// Deviation, in cells, of the weight that neighbours have by their distance.
    pub sigma: f64,
    /// Power of the neighbours' agreement.
    pub agreement: f64,
    /// Power of a match's own similarity, beside that of its neighbours.
    pub prior: f64,
    /// Deviation, in cells, of the window around the best match over which positions are averaged.
    pub window: f64,
    /// How likely matches are right; fitted to the features that the matcher is used with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

impl Default for ConsensusConfig {
    fn default() -> Self {
        Self {
            temperature: 0.03,
            iterations: 5,
            radius_squared: 10,
            sigma: 2.0,
            agreement: 2.0,
            prior: 0.5,
            window: 2.5,
            calibration: None,
        }
    }
}

impl ConsensusConfig {
    /// Steps that all rounds take for a pair: neighbours' sums, row by row and column by column, and what else
    /// passes over each pair of cells.
    fn steps(&self, shape: &FeatureShape) -> f64 {
        let cells = (shape.side() * shape.side()) as f64;
        let per_round = 8.0 * self.radius_squared.isqrt() as f64 + 16.0;
        f64::from(self.iterations) * per_round * cells * cells
    }
}

impl Tagged for ConsensusConfig {
    const KIND: &'static str = "consensus";
}

impl MatcherConfig for ConsensusConfig {
    fn check(&self, levels: &[LevelShape]) -> Result<()> {
        let positive = [
            ("temperature", self.temperature),
            ("sigma", self.sigma),
            ("agreement", self.agreement),
            ("prior", self.prior),
            ("window", self.window),
        ];
        for (name, value) in positive {
            ensure!(
                value.is_finite() && value > 0.0,
                "consensus: `{name}` must be above 0, not {value}"
            );
        }
        ensure!(
            (1..=MOST_ROUNDS).contains(&self.iterations),
            "consensus: `iterations` must lie in 1 to {MOST_ROUNDS}, not {}",
            self.iterations
        );
        ensure!(
            (0..=1000).contains(&self.radius_squared),
            "consensus: `radius_squared` must lie in 0 to 1000, not {}",
            self.radius_squared
        );
        self.calibration.as_ref().map_or(Ok(()), Calibration::check)?;
        let shape = deepest(levels);
        ensure!(
            self.steps(shape) <= MOST_STEPS,
            "consensus: {} rounds over {1} x {1} cells, with neighbours up to {2:.1} cells away, take {3:.1} \
             billion steps a pair, beyond the limit of {4}",
            self.iterations,
            shape.side(),
            (self.radius_squared as f64).sqrt(),
            self.steps(shape) / 1e9,
            MOST_STEPS / 1e9
        );
        Ok(())
    }

    fn is_calibrated(&self) -> bool {
        self.calibration.is_some()
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let shape = deepest(levels);
        let reach = self.radius_squared.isqrt();
        // Rows of the disc are shared: one shifted sum per step along x and along y, in both directions.
        let shifted_sums = 4.0 * reach as f64;
        let cells = (shape.side() * shape.side()) as f64;
        let operations = self.iterations as f64 * 2.0 * shifted_sums * cells * cells;
        vec![cosine::work(shape), StageCost { name: "agreement", work: Work::other(operations) }]
    }

    fn objective(&self) -> Option<&'static str> {
        Some("matching")
    }

    /// Without the calibration: features that are trained further are other features.
    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(Self { calibration: None, ..self.clone() }))
    }

    fn build(&self, _path: &VarBuilder, _levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(Consensus::new(self))
    }
}

/// How well each source cell matches each target cell, as the logits of softmaxes; `[B, S, T]` each.
#[derive(Debug)]
pub(crate) struct Logits {
    /// After the last round of agreement.
    pub consensus: Tensor,
    /// Cosines less 1: not yet divided by a temperature.
    pub cosine: Tensor,
}

impl Logits {
    /// One batch of several.
    pub(crate) fn cat(parts: &[Self]) -> Self {
        let all = |pick: fn(&Self) -> &Tensor| {
            Tensor::cat(&parts.iter().map(pick).collect::<Vec<_>>(), 0)
        };
        Self { consensus: all(|part| &part.consensus), cosine: all(|part| &part.cosine) }
    }
}

/// The matcher; it has no parameters.
#[derive(Debug)]
pub(crate) struct Consensus {
    config: ConsensusConfig,
}

impl Consensus {
    /// The matcher with these constants.
    pub(crate) fn new(config: &ConsensusConfig) -> Self {
        Self { config: config.clone() }
    }

    /// What the last round comes to.
    pub(crate) fn peaks(&self, source: &Features, target: &Features) -> Peaks {
        let (agreement, similarity) = self.last_round(source, target);
        let scores = self.scores_of(&agreement, &similarity);
        let cosine = similarity * self.config.temperature;
        let sides = [source, target].map(|features| features.last().shape.side());
        Peaks::new(Round { scores, agreement, cosine }, sides, self.config.window)
    }

    /// E after a round of this agreement, `[B, S, T]`.
    fn scores_of(&self, agreement: &Tensor, similarity: &Tensor) -> Tensor {
        let prior = (similarity * self.config.prior).exp_();
        (agreement + FLOOR).pow_(self.config.agreement) * prior
    }

    /// The flow that the consensus of `logits` comes to, both grids being of `side` cells a side.
    pub(crate) fn flow_of(&self, logits: &Logits, side: i64) -> Tensor {
        peaks::flow(&logits.consensus.exp(), [side; 2], self.config.window)
    }

    /// L of the last round and the cosines less 1, both `[B, S, T]`: what training compares with the
    /// truth.
    pub(crate) fn logits(&self, source: &Features, target: &Features) -> Logits {
        let (agreement, similarity) = self.last_round(source, target);
        let agreed = (agreement + FLOOR).log() * self.config.agreement;
        Logits {
            consensus: agreed + &similarity * self.config.prior,
            cosine: similarity * self.config.temperature,
        }
    }

    /// The smoothed agreement of the last round, and the similarities U less their greatest value,
    /// both `[B, S, T]`.
    fn last_round(&self, source: &Features, target: &Features) -> (Tensor, Tensor) {
        // Cosines end at 1, so that exponentials of this cannot overflow; the constant factor cancels.
        let similarity = (cosines(source, target) - 1.0) / self.config.temperature; // [B, S, T]
        let agreement = Agreement {
            similarities: &similarity,
            sides: [source, target].map(|features| features.last().shape.side()),
            disc: &Disc::gaussian(self.config.radius_squared, self.config.sigma),
            rounds: Rounds {
                count: self.config.iterations,
                power: self.config.agreement,
                prior: self.config.prior,
                floor: FLOOR,
                tiny: TINY,
            },
        };
        (agreement.run(), similarity)
    }
}

impl Matcher for Consensus {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        self.peaks(source, target).into_flow().into()
    }

    fn forward_with_confidence(&self, source: &Features, target: &Features) -> Matching {
        let peaks = self.peaks(source, target);
        let calibration = self.config.calibration.as_ref();
        let confidence = calibration.map(|calibration| calibration.confidence(&peaks.evidence()));
        Matching { confidence, ..peaks.into_flow().into() }
    }

    fn scores(&self, source: &Features, target: &Features) -> Tensor {
        let (agreement, similarity) = self.last_round(&pooled(source), &pooled(target));
        self.scores_of(&agreement, &similarity)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests;
