//! Training that has run into values that are not finite.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use tch::{Tensor, no_grad};

use crate::train::optim::schedule::Progress;
use crate::train::samples::sample::Sample;

/// Something is no longer finite. Steps can be repeated exactly, so the run would come to the same again from
/// any of its checkpoints.
#[derive(Debug)]
pub(crate) struct Diverged {
    what: &'static str,
    /// Counted from 1.
    step: u64,
    details: String,
    pairs: Vec<String>,
}

impl Diverged {
    /// What is not finite, in which step, with what else is known, on which samples.
    pub(super) fn new<'a>(
        what: &'static str,
        now: Progress,
        details: String,
        samples: impl IntoIterator<Item = &'a Sample>,
    ) -> Self {
        let pairs = samples.into_iter().map(|sample| sample.name.clone()).collect();
        Self { what, step: now.step + 1, details, pairs }
    }
}

impl Display for Diverged {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        let Self { what, step, details, pairs } = self;
        write!(formatter, "{what} not finite at step {step} ({details}); the batch's pairs:")?;
        pairs.iter().try_for_each(|name| write!(formatter, "\n  {name}"))?;
        writeln!(formatter)
    }
}

impl Error for Diverged {}

/// Whether all values of all tensors are finite; asks the device once.
pub(super) fn all_finite<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> bool {
    no_grad(|| {
        // Least and greatest need no memory; either is NaN where any value is.
        let extremes: Vec<Tensor> = tensors
            .into_iter()
            .flat_map(|tensor| <[Tensor; 2]>::from(tensor.aminmax(None, false)))
            .collect();
        extremes.is_empty() || Tensor::stack(&extremes, 0).isfinite().all().int64_value(&[]) == 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_among_many_tells_and_large_ones_do_not() {
        let large = Tensor::from_slice(&[f32::MAX; 9]);
        assert!(all_finite([&large, &large]) && all_finite([]));
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = [0.0; 9];
            values[4] = value;
            assert!(!all_finite([&large, &Tensor::from_slice(&values)]), "{value}");
        }
    }
}
