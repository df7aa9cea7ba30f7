//! How processes that work together reach each other.

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
    fn rank(&self) -> usize;

    /// How many processes there are.
    fn world_size(&self) -> usize;

    /// Replaces each tensor by its sum over all processes.
    fn all_reduce(&self, tensors: &mut [Tensor]) -> Result<()>;

    /// Replaces each tensor by that of the process `root`.
    fn broadcast(&self, tensors: &mut [Tensor], root: usize) -> Result<()>;

    /// Waits until all processes are here.
    fn barrier(&self) -> Result<()> {
        sum_over_processes(self, &[0.0]).map(drop)
    }

    /// Ensures that all processes have the same of `what` as the first, by a digest of it.
    ///
    /// # Errors
    /// On processes that have another, too.
    fn ensure_same(&self, what: &str, digest: &str) -> Result<()>;

    /// So many steps are done: nobody may take much longer for the next.
    fn at_step(&self, _step: u64) {}

    /// What comes now is no step and may take its time.
    fn at_rest(&self) {}

    /// So many steps are done, and this is left of them should a process be lost now, in words.
    fn standing(&self, _step: u64, _text: &str) {}
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

    fn ensure_same(&self, _what: &str, _digest: &str) -> Result<()> {
        Ok(())
    }
}

/// The sums of some numbers over all processes.
///
/// # Errors
/// As those of [`Communicator`].
pub(crate) fn sum_over_processes(
    communicator: &(impl Communicator + ?Sized),
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

/// What the first process has of some numbers, which it alone is asked for.
///
/// # Errors
/// As those of [`Communicator`], and those of `numbers`.
pub(crate) fn from_first<const N: usize>(
    communicator: &(impl Communicator + ?Sized),
    numbers: impl FnOnce() -> Result<[f64; N]>,
) -> Result<[f64; N]> {
    if communicator.rank() > 0 {
        let mut tensors = [Tensor::from_slice(&[0.0; N])];
        communicator.broadcast(&mut tensors, 0)?;
        let mut found = [0.0; N];
        tensors[0].copy_data(&mut found, N);
        return Ok(found);
    }
    let found = numbers()?;
    communicator.broadcast(&mut [Tensor::from_slice(&found)], 0)?;
    Ok(found)
}

/// What each process has, in their order, for all of them.
///
/// # Errors
/// As those of [`Communicator`].
pub(crate) fn gather(communicator: &dyn Communicator, own: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut gathered = Vec::new();
    for root in 0..communicator.world_size() {
        let mut length = [Tensor::from_slice(&[own.len() as i64])];
        communicator.broadcast(&mut length, root)?;
        let length = usize::try_from(length[0].int64_value(&[0])).unwrap_or_default();
        let mut bytes = own.to_vec();
        bytes.resize(length, 0);
        // In parts, none of which is empty.
        for part in bytes.chunks_mut(GATHERED) {
            let mut tensor = [Tensor::from_slice(part)];
            communicator.broadcast(&mut tensor, root)?;
            tensor[0].copy_data(part, part.len());
        }
        gathered.push(bytes);
    }
    Ok(gathered)
}

/// Most bytes that go to the others at once.
const GATHERED: usize = 64 << 20;
