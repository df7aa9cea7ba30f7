//! PCK, the percentage of correct keypoints: what was measured of a pair, and what that adds up to.

use std::sync::Arc;

use crate::eval::areas::Areas;
use crate::eval::column::Column;
use crate::eval::protocol::rules::{Average, Ties};
use crate::pck;

/// One pair measured under one protocol, in pixels of the protocol's frame; any alpha can be scored
/// from it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    /// Distance of each prediction to its target keypoint, or of each pixel's match to where its true flow leads.
    pub distances: Arc<[f64]>,
    /// The length that alpha multiplies.
    pub threshold: f64,
    rounding: Rounding,
    ties: Ties,
    /// What was measured instead, of a pair of outlines.
    areas: Option<Areas>,
}

/// How an evaluator rounds alpha times the length, which decides ties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// Not at all: 64 bits.
    Double,
    /// Alpha, length and product to 32 bits.
    Single,
    /// Alpha to 32 bits.
    SingleAlpha,
    /// The product to 32 bits.
    SingleProduct,
}

impl Measured {
    /// Distances and the length that alpha multiplies, both in pixels of one frame.
    pub(crate) fn new(
        distances: impl Into<Arc<[f64]>>,
        threshold: f64,
        rounding: Rounding,
        ties: Ties,
    ) -> Self {
        Self { distances: distances.into(), threshold, rounding, ties, areas: None }
    }

    /// What was measured of a pair of outlines.
    pub(crate) fn of_areas(areas: Areas) -> Self {
        Self { areas: Some(areas), ..Self::new([], 1.0, Rounding::Double, Ties::Right) }
    }

    /// The pair's share in a column's average.
    pub(crate) fn sample(&self, average: Average, column: Column) -> Tally {
        match column {
            Column::Pck(alpha) => average.sample(self.correct(alpha), self.distances.len()),
            Column::Area(measure) => {
                let value = self.areas.and_then(|areas| areas.value(measure));
                value.map_or_else(Tally::default, |right| Tally { right, weight: 1.0 })
            }
        }
    }

    /// The pair's own score in percent; none where it has none.
    pub(crate) fn percent(&self, column: Column) -> Option<f64> {
        match column {
            Column::Pck(alpha) => {
                let (correct, all) = (self.correct(alpha), self.distances.len());
                Some(pck::percent(correct as f64, all as f64))
            }
            Column::Area(measure) => self.areas?.value(measure).map(|value| 100.0 * value),
        }
    }

    /// The distance up to which keypoints are right.
    pub(crate) fn limit(&self, alpha: f64) -> f64 {
        match self.rounding {
            Rounding::Double => self.threshold * alpha,
            Rounding::Single => f64::from(self.threshold as f32 * alpha as f32),
            Rounding::SingleAlpha => self.threshold * f64::from(alpha as f32),
            Rounding::SingleProduct => f64::from((self.threshold * alpha) as f32),
        }
    }

    /// Which keypoints are right.
    pub(crate) fn right(&self, alpha: f64) -> impl Iterator<Item = bool> {
        let limit = self.limit(alpha);
        self.distances.iter().map(move |distance| match self.ties {
            Ties::Right => *distance <= limit,
            Ties::Wrong => *distance < limit,
        })
    }

    /// The distances in units of the length that alpha multiplies.
    pub(crate) fn in_lengths(&self) -> impl Iterator<Item = f64> {
        self.distances.iter().map(|distance| distance / self.threshold)
    }

    /// How many keypoints are right.
    pub(crate) fn correct(&self, alpha: f64) -> usize {
        self.right(alpha).filter(|right| *right).count()
    }

    /// Mean distance in units of the threshold: smaller is better, and finer than any PCK. Without distances 0.
    pub(crate) fn mean_relative_distance(&self) -> f64 {
        if self.distances.is_empty() {
            return 0.0;
        }
        let sum: f64 = self.distances.iter().sum();
        sum / (self.threshold * self.distances.len() as f64)
    }
}

/// A pair's share in an average: PCK is the sum of `right` over the sum of `weight`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// What is right.
    pub right: f64,
    /// Out of how much.
    pub weight: f64,
}

impl Tally {
    /// In percent.
    pub(crate) fn pck(self) -> f64 {
        pck::percent(self.right, self.weight)
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.weight += other.weight;
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(samples: I) -> Self {
        let mut sum = Self::default();
        samples.for_each(|sample| sum += sample);
        sum
    }
}

impl Average {
    /// What a pair with `correct` of `keypoints` right adds to this average.
    pub(crate) fn sample(self, correct: usize, keypoints: usize) -> Tally {
        self.share(correct as f64, keypoints)
    }

    /// The same of keypoints that are right in part: `right` is the sum of their parts.
    pub(crate) fn share(self, right: f64, keypoints: usize) -> Tally {
        let keypoints = keypoints as f64;
        match self {
            Self::Pairs => Tally { right: right / keypoints, weight: 1.0 },
            Self::Keypoints => Tally { right, weight: keypoints },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn point_on_the_threshold_counts_as_correct_unless_ties_are_wrong() {
        for rounding in [Rounding::Single, Rounding::Double] {
            for (distance, threshold, alpha) in
                [(5.0, 50.0, 0.1), (3.0, 30.0, 0.1), (3.0, 20.0, 0.15)]
            {
                let distances = || vec![distance, distance + 0.001, distance - 0.001];
                let correct =
                    |ties| Measured::new(distances(), threshold, rounding, ties).correct(alpha);
                let what = format!("{distance} of {threshold} at {alpha}");
                assert_eq!([Ties::Right, Ties::Wrong].map(correct), [2, 1], "{what}");
            }
        }
    }

    #[test]
    fn averages_weigh_pairs_or_keypoints() {
        let counts = [(1, 1), (0, 3)];
        let mean = |average: Average| {
            counts.iter().map(|&(right, all)| average.sample(right, all)).sum::<Tally>().pck()
        };
        assert_eq!(mean(Average::Pairs), 50.0);
        assert_eq!(mean(Average::Keypoints), 25.0);
    }
}
