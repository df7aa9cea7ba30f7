//! Sums of many tensors over processes, a few large transfers instead of many small ones.

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::processes::communicator::Communicator;

/// Values of a bucket: 25 MiB in float32, as PyTorch's DistributedDataParallel has it.
const VALUES: usize = 25 << 18;

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

/// Replaces each tensor by its sum over all processes.
///
/// # Errors
/// As [`Communicator::all_reduce`].
pub(crate) fn all_reduce(
    communicator: &dyn Communicator,
    tensors: &mut [Tensor],
    transfer: Transfer,
) -> Result<()> {
    let mut rest = tensors;
    while !rest.is_empty() {
        let (bucket, others) = rest.split_at_mut(fitting(rest));
        let flat: Vec<Tensor> = bucket.iter().map(|tensor| tensor.reshape([-1])).collect();
        let mut sums = [Tensor::cat(&flat, 0).to_kind(transfer.kind())];
        communicator.all_reduce(&mut sums)?;
        let sizes: Vec<i64> = flat.iter().map(|tensor| tensor.numel() as i64).collect();
        for (tensor, sum) in bucket.iter_mut().zip(sums[0].split_with_sizes(sizes, 0)) {
            tensor.copy_(&sum.view_as(tensor));
        }
        rest = others;
    }
    Ok(())
}

/// How many of the first tensors a bucket takes, at least one.
fn fitting(tensors: &[Tensor]) -> usize {
    let mut values = 0;
    let fits = |tensor: &&Tensor| {
        values += tensor.numel();
        values <= VALUES
    };
    tensors.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes::threads::Threads;
    use tch::Device;

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
                        let large = VALUES as i64 + 1;
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
