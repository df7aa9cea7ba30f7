//! Processes that train one model together, each on its part of every step's samples.

#[cfg(test)]
pub(crate) mod threads;

use std::fmt::Debug;

use anyhow::Result;
use tch::Tensor;

/// How processes reach each other. Every process calls the same functions in the same order, with tensors of
/// the same sizes.
///
/// # Errors
/// All functions fail when another process is gone or cannot be reached.
pub(crate) trait Communicator: Debug {
    /// The number of this process, from 0.
    #[cfg_attr(not(test), expect(dead_code, reason = "one process needs none"))]
    fn rank(&self) -> usize;

    /// How many processes there are.
    fn world_size(&self) -> usize;

    /// Replaces each tensor by its sum over all processes.
    fn all_reduce(&self, tensors: &mut [Tensor]) -> Result<()>;

    /// Replaces each tensor by that of the process `root`.
    fn broadcast(&self, tensors: &mut [Tensor], root: usize) -> Result<()>;

    /// Waits until all processes are here.
    #[cfg_attr(not(test), expect(dead_code, reason = "one process needs none"))]
    fn barrier(&self) -> Result<()>;
}

/// One process that has everything to itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SingleProcess;

impl Communicator for SingleProcess {
    fn rank(&self) -> usize {
        0
    }

    fn world_size(&self) -> usize {
        1
    }

    fn all_reduce(&self, _tensors: &mut [Tensor]) -> Result<()> {
        Ok(())
    }

    fn broadcast(&self, _tensors: &mut [Tensor], _root: usize) -> Result<()> {
        Ok(())
    }

    fn barrier(&self) -> Result<()> {
        Ok(())
    }
}

/// The sums of some numbers over all processes.
///
/// # Errors
/// As those of [`Communicator`].
pub(crate) fn sum_over_processes(
    communicator: &dyn Communicator,
    numbers: &[f64],
) -> Result<Vec<f64>> {
    if communicator.world_size() == 1 {
        return Ok(numbers.to_vec());
    }
    let mut tensors = [Tensor::from_slice(numbers)];
    communicator.all_reduce(&mut tensors)?;
    let mut sums = vec![0.0; numbers.len()];
    tensors[0].copy_data(&mut sums, numbers.len());
    Ok(sums)
}
