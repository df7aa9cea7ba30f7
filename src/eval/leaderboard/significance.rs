//! Whether systems differ by more than chance: a paired permutation test, corrected for many comparisons.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// How often the two systems change places at random.
pub(super) const FLIPS: u64 = 10_000;

/// The probability of a difference by chance below which two systems differ.
pub(super) const LEVEL: f64 = 0.05;

const SEED: u64 = 22_000;

/// What the numbers rest on, in a sentence.
pub(super) const METHOD: &str = "Two-sided paired permutation test over the pairs (10 000 draws in which the two systems \
                                 change places at random in each pair), p corrected for all comparisons of the table by \
                                 Holm's method";

/// Of each comparison, the probability that exchanging the systems in each pair at random changes their mean by as much as
/// they differ. `differences` holds one comparison after the other, and in each the difference of every pair.
///
/// Every comparison sees the same draws, which follow from a fixed seed and their number, not from the thread.
pub(super) fn permutation(differences: &[Vec<f64>]) -> Vec<f64> {
    let sum = |values: &[f64]| values.iter().sum::<f64>().abs();
    let observed: Vec<f64> = differences.iter().map(|values| sum(values)).collect();
    let pairs = differences.first().map_or(0, Vec::len);
    let count = |number: u64| {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        random.set_stream(number);
        let signs: Vec<f64> = signs(&mut random, pairs);
        let reached = |(values, observed): (&Vec<f64>, &f64)| {
            let flipped: f64 = values.iter().zip(&signs).map(|(value, sign)| value * sign).sum();
            // Equal up to rounding is reached.
            u64::from(flipped.abs() >= observed - 1e-9 * observed.max(1.0))
        };
        differences.iter().zip(&observed).map(reached).collect::<Vec<u64>>()
    };
    let add = |mut sums: Vec<u64>, counts: Vec<u64>| {
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        sums
    };
    let none = || vec![0; differences.len()];
    let reached = (0..FLIPS).into_par_iter().map(count).reduce(none, add);
    // The order in which they stand is one of the draws.
    reached.into_iter().map(|count| (count + 1) as f64 / (FLIPS + 1) as f64).collect()
}

/// As many signs, 1 or -1.
fn signs(random: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    let mut signs = Vec::with_capacity(count + 63);
    while signs.len() < count {
        let bits = random.next_u64();
        signs.extend((0..64).map(|bit| if bits >> bit & 1 == 1 { 1.0 } else { -1.0 }));
    }
    signs.truncate(count);
    signs
}

/// Probabilities corrected for their number by Holm's method (1979): the smallest counts as often as there are
/// comparisons, the next once less, and none below one before it.
pub(super) fn holm(probabilities: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|one, other| probabilities[*one].total_cmp(&probabilities[*other]));
    let mut corrected = vec![0.0; probabilities.len()];
    let mut largest = 0.0_f64;
    for (rank, position) in order.into_iter().enumerate() {
        let times = (probabilities.len() - rank) as f64;
        largest = largest.max(probabilities[position] * times).min(1.0);
        corrected[position] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_pairs_have_the_probability_that_can_be_counted() {
        // Of the 16 ways to give four equal differences signs, two are as extreme.
        let [p, none] = permutation(&[vec![1.0; 4], vec![0.0; 4]])[..] else { panic!() };
        assert!((p - 0.125).abs() < 0.015, "{p}");
        assert_eq!(none, 1.0);
    }

    #[test]
    fn a_constant_difference_is_beyond_chance_and_one_that_changes_sides_is_not() {
        let steady = vec![0.1; 200];
        let wavering = (0..200).map(|pair| if pair % 2 == 0 { 0.1 } else { -0.1 }).collect();
        let p = permutation(&[steady, wavering]);
        assert_eq!(p, [1.0 / (FLIPS + 1) as f64, 1.0]);
        let again = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let values = vec![vec![0.3, -0.1, 0.2, 0.4, -0.2]];
        assert_eq!(again.install(|| permutation(&values)), permutation(&values));
    }

    #[test]
    fn holm_is_as_computed_by_hand() {
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.5]), [0.04, 0.09, 0.09, 0.5]);
        assert_eq!(holm(&[0.6, 0.5]), [1.0, 1.0]);
        assert_eq!(holm(&[]), [0.0; 0]);
    }
}
