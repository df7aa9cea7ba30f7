//! The pairs whose score changed from one report to another.

use serde::Serialize;

use crate::eval::column::fall;
use crate::eval::compare::change::Change;
use crate::eval::report::PairReport;

/// Pairs of each side that are told one by one.
const TOLD: usize = 10;

/// The pairs whose deciding score changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Flipped {
    /// Those that got worse.
    pub worse: Flips,
    /// Those that got better.
    pub better: Flips,
}

/// Pairs that changed in one direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Flips {
    /// How many there are.
    pub count: usize,
    /// The first of them, the largest change first.
    pub pairs: Vec<Flip>,
}

/// A pair whose deciding score changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Flip {
    /// Position in the split's list.
    pub index: usize,
    /// The source image.
    pub source: String,
    /// The target image.
    pub target: String,
    /// The category.
    pub category: String,
    /// How many keypoints were scored, or pixels instead.
    pub keypoints: usize,
    /// Its score before, in percent.
    pub before: f64,
    /// Its score after.
    pub after: f64,
}

impl Flipped {
    /// The flips between two lists of the same pairs.
    pub(super) fn new(before: &[PairReport], after: &[PairReport], headline: &Change) -> Self {
        let score =
            |pair: &PairReport| pair.pck.get(&headline.protocol)?.get(&headline.alpha).copied();
        let flip = |(before, after): (&PairReport, &PairReport)| {
            let (old, new) = (score(before)?, score(after)?);
            let PairReport { index, source, target, category, keypoints, .. } = after.clone();
            let flip = Flip { index, source, target, category, keypoints, before: old, after: new };
            (old != new).then_some(flip)
        };
        let flips: Vec<Flip> = before.iter().zip(after).filter_map(flip).collect();
        let drop = |flip: &Flip| fall(&headline.alpha, flip.after - flip.before);
        let (worse, better) = flips.into_iter().partition(|flip| drop(flip) > 0.0);
        let largest = |mut flips: Vec<Flip>| {
            flips.sort_by(|one, other| drop(other).abs().total_cmp(&drop(one).abs()));
            let count = flips.len();
            flips.truncate(TOLD);
            Flips { count, pairs: flips }
        };
        Self { worse: largest(worse), better: largest(better) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::compare::{CompareOptions, compare};
    use crate::eval::testing::report;

    #[test]
    fn pairs_that_changed_most_come_first_on_either_side() {
        let flipped = |before: &[usize], after: &[usize]| {
            let comparison =
                compare(&report(before), &report(after), &CompareOptions::default()).unwrap();
            comparison.flipped.unwrap()
        };
        let few = flipped(&[4, 4, 2, 1, 0], &[3, 1, 2, 2, 4]);
        let told = |pairs: &[Flip]| {
            pairs.iter().map(|flip| (flip.index, flip.before, flip.after)).collect::<Vec<_>>()
        };
        assert_eq!(told(&few.worse.pairs), [(1, 100.0, 25.0), (0, 100.0, 75.0)]);
        assert_eq!(told(&few.better.pairs), [(4, 0.0, 100.0), (3, 25.0, 50.0)]);
        let many = flipped(&[4; 60], &[2; 60]);
        assert_eq!((many.worse.count, many.worse.pairs.len(), many.better.count), (60, 10, 0));
    }
}
