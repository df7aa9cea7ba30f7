//! How well predictions fit the annotation under one reading, and when one fits far better than another.

use anyhow::Result;

use crate::data::Pair;
use crate::eval::predictions::Prediction;
use crate::eval::protocol::Protocol;
use crate::pck::percent;

/// By how many points of PCK, and by what factor, a reading must be better to be far better.
const LEAST_GAIN: f64 = 10.0;
const LEAST_FACTOR: f64 = 1.5;

/// The least PCK of a reading that is worth naming: below, one of many is better by chance.
const LEAST_PCK: f64 = 20.0;

/// By how many standard deviations it must be so, counted in keypoints and in pairs: chance and one odd pair are
/// no convention.
const LEAST_SCORE_OF_POINTS: f64 = 3.0;
const LEAST_SCORE_OF_PAIRS: f64 = 2.4;

/// Which keypoints are right.
#[derive(Clone, Debug, Default)]
pub(super) struct Fit {
    /// For each pair, for each keypoint.
    right: Vec<Vec<bool>>,
    /// Mean distance in units of the limit, cut at 1: finer than PCK.
    pub loss: f64,
}

impl Fit {
    /// The fit of predictions to their pairs.
    ///
    /// # Errors
    /// When the protocol cannot measure a pair.
    pub(super) fn new<'a>(
        protocol: &Protocol,
        alpha: f64,
        predicted: impl Iterator<Item = (&'a Pair, Prediction)>,
    ) -> Result<Self> {
        let (mut fit, mut count) = (Self::default(), 0);
        for (pair, prediction) in predicted {
            let measured = protocol.measure(pair, &prediction)?;
            let limit = measured.limit(alpha);
            fit.right.push(measured.right(alpha).collect());
            fit.loss +=
                measured.distances.iter().map(|distance| (distance / limit).min(1.0)).sum::<f64>();
            count += measured.distances.len();
        }
        fit.loss /= count.max(1) as f64;
        Ok(fit)
    }

    /// PCK in percent over keypoints.
    pub(super) fn pck(&self) -> f64 {
        let right = self.right.iter().flatten().filter(|right| **right).count();
        percent(right as f64, self.right.iter().map(Vec::len).sum::<usize>().max(1) as f64)
    }

    /// Whether this fit is far better than another of the same pairs.
    pub(super) fn is_far_better_than(&self, other: &Self) -> bool {
        let (own, others) = (self.pck(), other.pck());
        own >= LEAST_PCK.max(others + LEAST_GAIN)
            && own >= others * LEAST_FACTOR
            && self.is_surely_better_than(other)
    }

    /// Whether it is better than another of the same pairs, by however little, and not by chance.
    pub(super) fn is_surely_better_than(&self, other: &Self) -> bool {
        let pairs = || self.right.iter().zip(&other.right);
        let points = pairs().flat_map(|(own, other)| own.iter().zip(other));
        let count = |right: &Vec<bool>| right.iter().filter(|right| **right).count();
        score(points.map(|(own, other)| own.cmp(other))) >= LEAST_SCORE_OF_POINTS
            && score(pairs().map(|(own, other)| count(own).cmp(&count(other))))
                >= LEAST_SCORE_OF_PAIRS
    }
}

/// How many standard deviations the wins lie above the losses (the sign test).
pub(super) fn score(outcomes: impl Iterator<Item = std::cmp::Ordering>) -> f64 {
    let (mut wins, mut losses) = (0.0, 0.0);
    for outcome in outcomes {
        wins += f64::from(outcome.is_gt());
        losses += f64::from(outcome.is_lt());
    }
    if wins + losses == 0.0 { 0.0 } else { (wins - losses) / f64::sqrt(wins + losses) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of so many keypoints, all right or all wrong.
    fn fit(pairs: impl IntoIterator<Item = (usize, bool)>) -> Fit {
        let right = pairs.into_iter().map(|(keypoints, right)| vec![right; keypoints]).collect();
        Fit { right, loss: 0.0 }
    }

    #[test]
    fn a_far_better_fit_is_so_in_most_pairs() {
        let (all, none) = (fit([(4, true); 8]), fit([(4, false); 8]));
        assert!(all.is_far_better_than(&none) && !none.is_far_better_than(&all));
        assert_eq!((all.pck(), none.pck()), (100.0, 0.0));
        // One pair of many keypoints is not enough.
        let one = fit([(100, true), (4, false), (4, false)]);
        assert!(!one.is_far_better_than(&fit([(100, false), (4, false), (4, false)])));
        // Neither are a few points of PCK, or a small factor.
        let many = |right: usize| fit((0..100).map(|pair| (10, pair < right)));
        assert!(!many(19).is_far_better_than(&many(1)) && many(20).is_far_better_than(&many(5)));
        assert!(!many(24).is_far_better_than(&many(15)));
        assert!(!many(60).is_far_better_than(&many(45)));
    }
}
