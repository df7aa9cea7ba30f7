//! How processes that work together reach each other.

use std::fmt::{self, Debug, Display, Formatter};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::nn::native::process_group::Work;
use crate::spelling::counted;

/// A piece of a process's work that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// A step of all processes, the last of so many.
    Step(u64),
    /// Some pairs that this process predicts, the last of so many.
    Pairs(usize),
    /// Some pairs of a validation.
    Validation,
}

impl Display for Unit {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        match self {
            Self::Step(number) => write!(formatter, "step {number}"),
            Self::Pairs(number) => write!(formatter, "{} of its part", counted(*number, "pair")),
            Self::Validation => formatter.write_str("some pairs of a validation"),
        }
    }
}

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

    /// Begins to replace a tensor by its sum over all processes, beside what this process does meanwhile; what
    /// goes wrong is told by [`Communicator::finish`].
    fn start_all_reduce(&self, tensor: Tensor) -> Started {
        let mut tensors = [tensor];
        let work = self.all_reduce(&mut tensors).map(|()| None);
        let [tensor] = tensors;
        Started { tensor, work }
    }

    /// The sums that were started, when all are there.
    fn finish(&self, started: Vec<Started>) -> Result<Vec<Tensor>> {
        started.into_iter().map(|started| started.work.map(|_| started.tensor)).collect()
    }

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

    /// A unit of this process's work is done: the next may not take much longer.
    fn advance(&self, _unit: Unit) {}

    /// What comes now is something else and may take its time.
    fn at_rest(&self) {}

    /// So many steps are done, and this is left of them should a process be lost now, in words.
    fn standing(&self, _step: u64, _text: &str) {}
}

/// A sum over all processes that was begun.
#[derive(Debug)]
pub(crate) struct Started {
    /// What becomes the sum; nobody uses it before [`Communicator::finish`].
    pub tensor: Tensor,
    /// What is done meanwhile, by other threads; `None` on a GPU, and where it is done already.
    pub work: Result<Option<Work>>,
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

/// What the first process has of some numbers, if it has them; it alone is asked for them.
///
/// # Errors
/// As those of [`Communicator`], and those of `numbers`.
pub(crate) fn from_first<const N: usize>(
    communicator: &(impl Communicator + ?Sized),
    numbers: impl FnOnce() -> Result<Option<[f64; N]>>,
) -> Result<Option<[f64; N]>> {
    let own = if communicator.rank() == 0 { numbers()? } else { None };
    let mut there = [Tensor::from_slice(&[own.is_some()])];
    communicator.broadcast(&mut there, 0)?;
    if there[0].int64_value(&[0]) == 0 {
        return Ok(None);
    }
    let mut found = own.unwrap_or([0.0; N]);
    let mut tensors = [Tensor::from_slice(&found)];
    communicator.broadcast(&mut tensors, 0)?;
    tensors[0].copy_data(&mut found, N);
    Ok(Some(found))
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
