//! How sure a PCK is: percentile bootstrap over pairs.
//!
//! Pairs are drawn with replacement. All numbers of a report (protocols, alphas, and in a comparison
//! both reports) are computed from the same draws, so differences are paired. The draws follow from a
//! fixed seed and the resample's number, not from the thread that makes it.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::eval::pck::Tally;

/// How many times the pairs are drawn.
pub(crate) const RESAMPLES: u64 = 1000;

const SEED: u64 = 71_000;

/// A 95 % interval: lower and upper end, in percent points.
pub(crate) type Interval = [f64; 2];

/// The PCK of each column in each resample.
///
/// `rows` holds a row for each pair, and in each row the same columns.
pub(crate) fn resampled_pck(rows: &[Vec<Tally>]) -> Vec<Vec<f64>> {
    let columns = rows.first().map_or(0, Vec::len);
    let resample = |number: u64| {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        random.set_stream(number);
        let mut sums = vec![Tally::default(); columns];
        for _ in rows {
            let drawn = &rows[random.random_range(0..rows.len())];
            sums.iter_mut().zip(drawn).for_each(|(sum, sample)| *sum += *sample);
        }
        sums.into_iter().map(Tally::pck).collect()
    };
    (0..RESAMPLES).into_par_iter().map(resample).collect()
}

/// The interval between the 2.5 % and the 97.5 % quantile, see [`interval`].
pub(crate) fn interval95(values: Vec<f64>) -> Option<Interval> {
    interval(values, 0.95)
}

/// The interval that holds this part of the values and as many below it as above, its ends linearly interpolated. What is
/// no number is left out; none of nothing else.
pub(crate) fn interval(mut values: Vec<f64>, level: f64) -> Option<Interval> {
    values.retain(|value| !value.is_nan());
    if values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let outside = (1.0 - level) / 2.0;
    Some([outside, 1.0 - outside].map(|share| quantile(&values, share)))
}

/// The value below which a share of some lies that ascend, linearly interpolated.
///
/// # Panics
/// When there are none.
pub(crate) fn quantile(ascending: &[f64], share: f64) -> f64 {
    let position = share * (ascending.len() - 1) as f64;
    let (below, above) =
        (ascending[position.floor() as usize], ascending[position.ceil() as usize]);
    if below == above { below } else { below + (above - below) * position.fract() }
}

/// The 95 % interval of each column of `rows` (see [`resampled_pck`]); none of one without any weight.
pub(crate) fn intervals(rows: &[Vec<Tally>]) -> Vec<Option<Interval>> {
    let resampled = resampled_pck(rows);
    let columns = rows.first().map_or(0, Vec::len);
    (0..columns)
        .map(|column| interval95(resampled.iter().map(|values| values[column]).collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::protocol::rules::Average;

    fn rows(shares: impl IntoIterator<Item = (usize, usize)>) -> Vec<Vec<Tally>> {
        shares.into_iter().map(|(right, all)| vec![Average::Pairs.sample(right, all)]).collect()
    }

    #[test]
    fn interval_of_equal_pairs_is_a_point() {
        assert_eq!(intervals(&rows([(1, 2); 20])), [Some([50.0, 50.0])]);
    }

    #[test]
    fn a_column_without_weight_has_no_interval() {
        let whole = Tally { right: 1.0, weight: 1.0 };
        let rows = vec![vec![whole, Tally::default()]; 3];
        assert_eq!(intervals(&rows), [Some([100.0, 100.0]), None]);
    }

    #[test]
    fn interval_of_coin_flips_matches_the_normal_approximation() {
        // 400 pairs, half of them right: the standard error is 2.5 points.
        let [low, high] = intervals(&rows((0..400).map(|pair| (pair % 2, 1))))[0].unwrap();
        assert!((low - 45.1).abs() < 0.6 && (high - 54.9).abs() < 0.6, "{low}..{high}");
    }

    #[test]
    fn intervals_do_not_depend_on_the_number_of_threads() {
        let rows = rows((0..50).map(|pair| (pair % 7, 7)));
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| intervals(&rows))
        };
        assert_eq!(with_threads(1), with_threads(3));
    }

    #[test]
    fn quantiles_are_interpolated() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let [low, high] = interval95(values.clone()).unwrap();
        assert!((low - 2.5).abs() < 1e-9 && (high - 97.5).abs() < 1e-9, "{low}..{high}");
        assert_eq!(interval(values, 0.5), Some([25.0, 75.0]));
        assert_eq!(interval95(vec![7.0, f64::NAN]), Some([7.0, 7.0]));
    }
}
