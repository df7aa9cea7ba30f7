//! How far predictions lie from the truth, under one protocol.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::eval::bootstrap::quantile;
use crate::eval::column::Column;
use crate::eval::pck::{Measured, Tally};
use crate::eval::protocol::rules::Average;

/// The shares of keypoints that quantiles are told of.
const SHARES: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];

/// The alpha up to which the area under the PCK curve reaches.
pub(crate) const AREA_REACH: f64 = 0.2;

/// Distances beyond which quantiles are not told: true flows have a hundred million pixels.
const MOST_SORTED: usize = 5_000_000;

/// How far off predictions are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errors {
    /// Within how many pixels of the protocol's frame these shares of all keypoints lie; absent where they lie nowhere,
    /// or are too many to be sorted.
    pub pixels: IndexMap<String, f64>,
    /// The same in units of the length that alpha multiplies.
    pub lengths: IndexMap<String, f64>,
    /// Area under the PCK curve from 0 to [`AREA_REACH`], in percent of the whole.
    pub area: f64,
    /// Pairs of which no keypoint is right, by alpha.
    pub all_wrong: IndexMap<String, usize>,
}

impl Errors {
    /// The errors of measured pairs; none of areas.
    pub(crate) fn new(measured: &[Measured], average: Average, columns: &[Column]) -> Option<Self> {
        let alphas: Vec<f64> = columns.iter().filter_map(|column| column.alpha()).collect();
        if alphas.is_empty() {
            return None;
        }
        let all_wrong =
            |alpha: f64| measured.iter().filter(|pair| pair.correct(alpha) == 0).count();
        let few = measured.iter().map(|pair| pair.distances.len()).sum::<usize>() <= MOST_SORTED;
        let sorted = if few { measured } else { &[] };
        let pixels = sorted.iter().flat_map(|pair| pair.distances.iter().copied());
        Some(Self {
            pixels: quantiles(pixels.collect()),
            lengths: quantiles(sorted.iter().flat_map(Measured::in_lengths).collect()),
            area: area(measured, average),
            all_wrong: alphas.iter().map(|alpha| (alpha.to_string(), all_wrong(*alpha))).collect(),
        })
    }
}

/// The area under a curve of PCK, in percent: each keypoint is right from its own error on.
fn area(measured: &[Measured], average: Average) -> f64 {
    let pair = |pair: &Measured| {
        let share = |error: f64| (1.0 - error / AREA_REACH).max(0.0);
        let sum: f64 = pair.in_lengths().map(share).sum();
        average.share(sum, pair.distances.len())
    };
    measured.iter().map(pair).sum::<Tally>().pck()
}

fn quantiles(mut values: Vec<f64>) -> IndexMap<String, f64> {
    if values.is_empty() {
        return IndexMap::new();
    }
    values.sort_unstable_by(f64::total_cmp);
    let told = SHARES.iter().map(|share| (share.to_string(), quantile(&values, *share)));
    told.filter(|(_, value)| value.is_finite()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::pck::Rounding;
    use crate::eval::protocol::rules::Ties;

    fn measured(distances: &[f64]) -> Measured {
        Measured::new(distances.to_vec(), 50.0, Rounding::Double, Ties::Right)
    }

    #[test]
    fn quantiles_area_and_pairs_all_wrong_are_those_computed_by_hand() {
        let pairs = [measured(&[0.0, 5.0]), measured(&[20.0])];
        let errors = Errors::new(&pairs, Average::Pairs, &[Column::Pck(0.1), Column::Pck(0.4)]);
        let errors = errors.unwrap();
        assert_eq!((errors.pixels["0.5"], errors.lengths["0.5"]), (5.0, 0.1));
        assert_eq!((errors.pixels["0.75"], errors.lengths["0.25"]), (12.5, 0.05));
        // Of the first pair 1 and 1 - 0.1 / 0.2 in the mean, of the second nothing.
        assert_eq!(errors.area, 100.0 * 0.75 / 2.0);
        assert_eq!(errors.all_wrong.values().copied().collect::<Vec<_>>(), [1, 0]);
        let keypoints = Errors::new(&pairs, Average::Keypoints, &[Column::Pck(0.1)]).unwrap();
        assert_eq!(keypoints.area, 100.0 * 1.5 / 3.0);
    }

    #[test]
    fn what_was_not_found_has_no_quantile_and_no_area() {
        let pairs = [measured(&[1.0, f64::INFINITY, f64::INFINITY])];
        let errors = Errors::new(&pairs, Average::Pairs, &[Column::Pck(0.1)]).unwrap();
        assert_eq!(errors.pixels.keys().collect::<Vec<_>>(), Vec::<&str>::new());
        assert!((errors.area - 100.0 * 0.9 / 3.0).abs() < 1e-9);
    }
}
