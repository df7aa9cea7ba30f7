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
//! 5. By the quality that is chosen, a mirrored photo guides (see [`mirror`]), and both photos are looked at once
//!    more, closer (see [`closer`]). Whatever guides adds -dist^2 / (2 sigma^2) to U, dist being measured from where
//!    it leads.
//!
//! Everything is computed with E = exp(L) = (Q + 1e-8)^agreement * exp(prior * U) instead of L: mutual(L)
//! is then E / sqrt(row sum * column sum), and no exponential is left inside the loop.

pub(crate) mod calibration;
mod closer;
pub(crate) mod config;
mod foreground;
mod guide;
mod kind;
mod mirror;
pub(crate) mod peaks;

use tch::Tensor;

use crate::model::features::Features;
use crate::model::matcher::consensus::config::ConsensusConfig;
use crate::model::matcher::consensus::guide::Guide;
use crate::model::matcher::consensus::peaks::{Peaks, Round, TINY};
use crate::model::matcher::cosine::cosines;
use crate::nn::ops::Operation;
use crate::nn::ops::agreement::{Agreement, Rounds};
use crate::nn::ops::neighbours::Disc;
use crate::nn::runtime::recording::is_recording;

/// Added to agreement, so that a match that no neighbour supports is unlikely, not impossible.
const FLOOR: f64 = 1e-8;

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

    /// Its constants.
    pub(crate) fn config(&self) -> &ConsensusConfig {
        &self.config
    }

    /// The matches of a pair, guided by the mirrored photo if the quality has it and the features tell what is shown.
    pub(crate) fn peaks(&self, source: &Features, target: &Features) -> Peaks {
        let similarity = self.similarity(source, target);
        let sides = sides(source, target);
        let plain =
            self.round(&similarity, sides, self.config.iterations, self.config.radius_squared);
        let round = match foreground::foregrounds(source, target) {
            Some(shown) if self.config.is_guided() => {
                self.guided_by_mirror(plain, &similarity, &shown, sides)
            }
            _ => plain,
        };
        Peaks::new(round, sides, self.config.window)
    }

    /// What one pass comes to.
    fn one_pass(&self, source: &Features, target: &Features) -> Round {
        let similarity = self.similarity(source, target);
        let ConsensusConfig { iterations, radius_squared, .. } = self.config;
        self.round(&similarity, sides(source, target), iterations, radius_squared)
    }

    /// The flow `[B, 2, G, G]`, in cells, of a pass that is guided.
    fn guided(&self, source: &Features, target: &Features, guide: &Guide) -> Tensor {
        let sides = sides(source, target);
        let round = self.guided_round(&self.similarity(source, target), sides, guide);
        peaks::flow(&round.scores, sides, self.config.window)
    }

    /// The round of each pair: guided by the mirrored target where that is the better match, else as it is.
    fn guided_by_mirror(
        &self,
        plain: Round,
        similarity: &Tensor,
        foregrounds: &[Tensor; 2],
        sides: [i64; 2],
    ) -> Round {
        let ConsensusConfig { iterations, radius_squared, .. } = self.config;
        let mirrored = mirror::mirrored(similarity, sides[1]);
        let mirror = self.round(&mirrored, sides, iterations, radius_squared);
        let agreements = [&plain.agreement, &mirror.agreement];
        let better = mirror::is_better(agreements, foregrounds, sides[1], &self.config); // [B]
        if !is_recording() && !bool::try_from(better.any()).unwrap_or(true) {
            return plain;
        }
        let guide = mirror::guide(&mirror, sides[1], &self.config);
        let guided = self.guided_round(similarity, sides, &guide);
        let better = better.view([-1, 1, 1]);
        Round {
            scores: guided.scores.where_self(&better, &plain.scores),
            agreement: guided.agreement.where_self(&better, &plain.agreement),
            cosine: plain.cosine,
        }
    }

    /// What the last of some rounds comes to, if matches are expected somewhere.
    fn guided_round(&self, similarity: &Tensor, sides: [i64; 2], guide: &Guide) -> Round {
        let expected = similarity + guide.added(sides[1]);
        self.round(&expected, sides, guide.iterations, guide.radius_squared)
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
        let similarity = self.similarity(source, target);
        let ConsensusConfig { iterations, radius_squared, .. } = self.config;
        let agreement =
            self.agreement(&similarity, sides(source, target), iterations, radius_squared);
        let agreed = (agreement + FLOOR).log() * self.config.agreement;
        Logits {
            consensus: agreed + &similarity * self.config.prior,
            cosine: similarity * self.config.temperature,
        }
    }

    /// U less its greatest value, `[B, S, T]`.
    fn similarity(&self, source: &Features, target: &Features) -> Tensor {
        // Cosines end at 1, so that exponentials of this cannot overflow; the constant factor cancels.
        (cosines(source, target) - 1.0) / self.config.temperature
    }

    /// What the last of some rounds comes to.
    fn round(
        &self,
        similarity: &Tensor,
        sides: [i64; 2],
        iterations: u32,
        radius_squared: i64,
    ) -> Round {
        let agreement = self.agreement(similarity, sides, iterations, radius_squared);
        let scores = self.scores_of(&agreement, similarity);
        Round { scores, agreement, cosine: similarity * self.config.temperature }
    }

    /// The smoothed agreement of the last of some rounds, `[B, S, T]`.
    fn agreement(
        &self,
        similarity: &Tensor,
        sides: [i64; 2],
        iterations: u32,
        radius_squared: i64,
    ) -> Tensor {
        let agreement = Agreement {
            similarities: similarity,
            sides,
            disc: &Disc::gaussian(radius_squared, self.config.sigma),
            rounds: Rounds {
                count: iterations,
                power: self.config.agreement,
                prior: self.config.prior,
                floor: FLOOR,
                tiny: TINY,
            },
        };
        agreement.run()
    }
}

/// Rows of both grids.
fn sides(source: &Features, target: &Features) -> [i64; 2] {
    [source, target].map(|features| features.last().shape.side())
}

#[cfg(test)]
mod tests;
