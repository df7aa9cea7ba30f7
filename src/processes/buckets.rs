//! Sums of many tensors over processes, a few large transfers instead of many small ones.

use std::ops::Range;

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, no_grad};

use crate::processes::communicator::{Communicator, Started};

/// Most values of a bucket: 25 MiB in float32, as PyTorch's DistributedDataParallel has it.
const MOST: usize = 25 << 18;

/// Fewest, but for the last: a transfer has costs of its own.
const FEWEST: usize = 1 << 18;

/// How many buckets there are where these limits allow it: all but the last travel while more is computed.
const BUCKETS: usize = 8;

/// The numbers in which tensors go from process to process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transfer {
    /// As they are
    #[default]
    Float32,
    /// Half as many bytes; sums are rounded to 8 bits
    Bfloat16,
}

impl Transfer {
    /// Of a value.
    pub(crate) fn bytes(self) -> usize {
        self.kind().elt_size_in_bytes()
    }

    /// The same for libtorch.
    fn kind(self) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::Bfloat16 => Kind::BFloat16,
        }
    }
}

/// Some tensors in buckets, one after the other.
#[derive(Debug)]
pub(crate) struct Buckets {
    tensors: Vec<Range<usize>>,
    transfer: Transfer,
}

impl Buckets {
    /// For tensors of these sizes, which need not be there yet.
    pub(crate) fn new(sizes: &[usize], transfer: Transfer) -> Self {
        let most = (sizes.iter().sum::<usize>() / BUCKETS).clamp(FEWEST, MOST);
        let (mut tensors, mut first, mut values) = (Vec::new(), 0, 0);
        for (index, size) in sizes.iter().enumerate() {
            if index > first && values + size > most {
                tensors.push(first..index);
                (first, values) = (index, 0);
            }
            values += size;
        }
        if first < sizes.len() {
            tensors.push(first..sizes.len());
        }
        Self { tensors, transfer }
    }

    /// Which tensors each bucket has.
    pub(crate) fn tensors(&self) -> &[Range<usize>] {
        &self.tensors
    }

    /// Begins to sum the tensors of one bucket.
    pub(crate) fn start(&self, communicator: &dyn Communicator, bucket: &[Tensor]) -> Started {
        let flat: Vec<Tensor> = bucket.iter().map(|tensor| tensor.reshape([-1])).collect();
        let flat = no_grad(|| Tensor::cat(&flat, 0).to_kind(self.transfer.kind()));
        communicator.start_all_reduce(flat)
    }
}

/// What has become of each tensor of a bucket: of those, or of others of their shapes.
pub(crate) fn parts(sum: &Tensor, bucket: &[Tensor]) -> Vec<Tensor> {
    let sizes: Vec<i64> = bucket.iter().map(|tensor| tensor.numel() as i64).collect();
    let parts = sum.split_with_sizes(sizes, 0).into_iter().zip(bucket);
    parts.map(|(part, tensor)| part.view_as(tensor)).collect()
}

/// Replaces each tensor by its sum over all processes.
///
/// # Errors
/// As [`Communicator::all_reduce`].
pub(crate) fn all_reduce(
    communicator: &dyn Communicator,
    tensors: &mut [Tensor],
    transfer: Transfer,
) -> Result<()> {
    let sizes: Vec<usize> = tensors.iter().map(Tensor::numel).collect();
    let buckets = Buckets::new(&sizes, transfer);
    let ranges = buckets.tensors();
    let start = |range: &Range<usize>| buckets.start(communicator, &tensors[range.clone()]);
    let started = ranges.iter().map(start).collect();
    for (sum, range) in communicator.finish(started)?.iter().zip(ranges) {
        let tensors = &mut tensors[range.clone()];
        for (sum, tensor) in parts(sum, tensors).iter().zip(tensors) {
            tensor.copy_(sum);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes::threads::Threads;
    use tch::Device;

    #[test]
    fn tensors_are_in_one_bucket_each_and_buckets_are_about_as_large() {
        let ranges = |sizes: &[usize]| Buckets::new(sizes, Transfer::Float32).tensors;
        assert!(ranges(&[]).is_empty());
        assert_eq!(ranges(&[5, 0, FEWEST - 5, 1]), [0..3, 3..4]);
        assert_eq!(ranges(&[2 * MOST, 1, MOST, MOST]), [0..1, 1..2, 2..3, 3..4]);
        assert_eq!(ranges(&[FEWEST; 32]), (0..8).map(|n| 4 * n..4 * n + 4).collect::<Vec<_>>());
    }

    #[test]
    fn tensors_of_all_sizes_are_summed_and_keep_their_shapes() {
        for transfer in [Transfer::Float32, Transfer::Bfloat16] {
            std::thread::scope(|scope| {
                for (rank, communicator) in Threads::new(2).into_iter().enumerate() {
                    scope.spawn(move || {
                        let full = |shape: &[i64]| {
                            let options = (Kind::Float, Device::Cpu);
                            Tensor::full(shape, 1.0 + rank as f64, options)
                        };
                        let large = MOST as i64 + 1;
                        let mut tensors =
                            [full(&[2, 3]), full(&[]), full(&[large]), full(&[4, 2]).tr()];
                        all_reduce(&communicator, &mut tensors, transfer).unwrap();
                        for tensor in &tensors {
                            assert_eq!(tensor.kind(), Kind::Float);
                            assert_eq!(tensor.min().double_value(&[]), 3.0);
                            assert_eq!(tensor.max().double_value(&[]), 3.0);
                        }
                        assert_eq!(tensors[3].size(), [2, 4]);
                    });
                }
            });
        }
    }
}
