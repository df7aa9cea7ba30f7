//! Dropout whose draws belong to samples: which values of a sample are dropped depends neither on the batch nor on the
//! process that it falls into.
//!
//! As libtorch's generator, the state is the thread's own.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use tch::{Tensor, no_grad};

use crate::nn::shape::dims;

/// Threads share libtorch's generator, which one at a time seeds and draws from.
static GENERATOR: Mutex<()> = Mutex::new(());

thread_local! {
    static DRAWS: RefCell<Draws> = const { RefCell::new(Draws { seeds: Vec::new(), part: 0, count: 0 }) };
}

/// What the next draw depends on.
struct Draws {
    /// Of each sample of the batch.
    seeds: Vec<i64>,
    /// The part of the network.
    part: i64,
    /// Draws in it so far.
    count: i64,
}

/// From here on, samples draw from these seeds, for this part of the network.
pub(super) fn begin(seeds: &[i64], part: i64) {
    DRAWS.with_borrow_mut(|draws| {
        draws.seeds.clear();
        draws.seeds.extend_from_slice(seeds);
        (draws.part, draws.count) = (part, 0);
    });
}

/// `xs`, of whose values a share is 0 and the others are enlarged, so that the mean stays; outside of training, where
/// samples have no seeds, by libtorch's generator as it stands.
///
/// # Shapes
/// `[B, ...]`, or `[K B, ...]` with the samples in the same order K times.
///
/// # Panics
/// When the rows are not those of the samples that draw.
pub(crate) fn drop(xs: Tensor, share: f64) -> Tensor {
    let shape = xs.size();
    drop_parts(xs, &shape, share)
}

/// The same with whole channels of `[B, C, H, W]`.
///
/// # Panics
/// As [`drop`].
pub(crate) fn drop_channels(xs: Tensor, share: f64) -> Tensor {
    let [rows, channels, _, _] = dims(&xs);
    drop_parts(xs, &[rows, channels, 1, 1], share)
}

/// Drops what one value of a mask of this shape covers.
fn drop_parts(xs: Tensor, shape: &[i64], share: f64) -> Tensor {
    if share == 0.0 {
        return xs;
    }
    let mask = Tensor::empty(shape, (xs.kind(), xs.device()));
    let seeds = DRAWS.with_borrow_mut(|draws| draws.next(shape[0] as usize));
    let _drawing = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    no_grad(|| {
        if seeds.is_empty() {
            let _ = mask.shallow_clone().bernoulli_float_(1.0 - share);
        }
        for (row, seed) in (0..).zip(seeds) {
            tch::manual_seed(seed);
            let _ = mask.narrow(0, row, 1).bernoulli_float_(1.0 - share);
        }
    });
    xs * mask.divide_scalar(1.0 - share)
}

impl Draws {
    /// A seed for each row of the next draw; none where samples have none.
    fn next(&mut self, rows: usize) -> Vec<i64> {
        let samples = self.seeds.len();
        if samples == 0 {
            return Vec::new();
        }
        assert!(rows.is_multiple_of(samples), "{rows} rows are none of {samples} samples");
        self.count += 1;
        let (part, count) = (self.part, self.count);
        let repeats = (0..rows / samples).flat_map(|repeat| {
            self.seeds.iter().map(move |seed| mixed([*seed, part, count, repeat as i64]))
        });
        repeats.collect()
    }
}

/// A number that looks random and follows from some others (SplitMix64, Steele et al. 2014).
fn mixed(numbers: [i64; 4]) -> i64 {
    numbers
        .iter()
        .fold(0_u64, |state, number| {
            let mut z = (state ^ number.cast_unsigned()).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
        .cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inside::process::{ONE_THREAD, in_own_process};
    use tch::{Device, Kind};

    fn dropped(seeds: &[i64], part: i64, rows: i64) -> [Tensor; 2] {
        begin(seeds, part);
        let xs = Tensor::ones([rows, 40, 3, 3], (Kind::Float, Device::Cpu));
        [drop(xs.shallow_clone(), 0.25), drop_channels(xs, 0.5)]
    }

    #[test]
    fn a_sample_drops_the_same_alone_and_among_others() {
        // Other tests draw from the same generator.
        in_own_process(&ONE_THREAD, || {
            let together = dropped(&[3, 5], 7, 2);
            let alone = dropped(&[5], 7, 1);
            for (together, alone) in together.iter().zip(&alone) {
                assert_eq!(together.narrow(0, 1, 1), *alone);
                assert_ne!(together.narrow(0, 0, 1), *alone);
            }
            let twice = dropped(&[5], 7, 2);
            assert_eq!(twice[0].narrow(0, 0, 1), alone[0]);
            assert_ne!(twice[0].narrow(0, 1, 1), alone[0], "each time another");
            assert_ne!(dropped(&[5], 8, 1)[0], alone[0], "another part, other draws");
        });
    }

    #[test]
    fn so_many_values_are_dropped_and_the_mean_stays() {
        in_own_process(&ONE_THREAD, || {
            let seeds: Vec<i64> = (0..20).collect();
            let [values, channels] = dropped(&seeds, 0, 20);
            let share =
                |xs: &Tensor| xs.eq(0.0).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
            assert!((share(&values) - 0.25).abs() < 0.02 && (share(&channels) - 0.5).abs() < 0.06);
            assert!((values.max().double_value(&[]) - 1.0 / 0.75).abs() < 1e-6);
            let whole = channels.flatten(2, 3);
            assert_eq!(whole.amax([2], false), whole.amin([2], false));
        });
    }
}
