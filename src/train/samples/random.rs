//! Random numbers that depend on what they are for, and on nothing else.
//!
//! Every draw of a run comes from a generator made from (seed, purpose, epoch, index). So the number
//! of workers, the order they finish in, and an interruption change nothing.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// What random numbers are drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The order of an epoch's samples.
    Order,
    /// Colours, crops and warps of one sample.
    Augmentation,
    /// Which foreground tokens of one sample are masked.
    Masking,
    /// Dropout inside the network during one step.
    Dropout,
    /// Initial values of the model's variables.
    Initialisation,
    /// Warps of the photos that validate.
    Validation,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Augmentation => "augmentation",
            Self::Masking => "masking",
            Self::Dropout => "dropout",
            Self::Initialisation => "initialisation",
            Self::Validation => "validation",
        }
    }
}

/// The generator for `purpose` at one place of the run: `index` counts samples of the dataset, or
/// steps of the epoch, as the purpose has it.
pub(crate) fn generator(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(digest(seed, purpose, epoch, index))
}

/// A seed for libtorch's own generator at one place of the run.
pub(crate) fn torch_seed(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> i64 {
    let digest = digest(seed, purpose, epoch, index);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_le_bytes(first)
}

fn digest(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> [u8; 32] {
    let mut hash = Sha256::new();
    for number in [seed, epoch, index] {
        hash.update(number.to_le_bytes());
    }
    hash.update(purpose.name());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn every_part_of_the_place_matters_and_nothing_else() {
        let first = |seed, purpose, epoch, index| -> u64 {
            generator(seed, purpose, epoch, index).random()
        };
        let here = first(47, Purpose::Order, 2, 9);
        assert_eq!(here, first(47, Purpose::Order, 2, 9));
        assert_ne!(here, first(48, Purpose::Order, 2, 9));
        assert_ne!(here, first(47, Purpose::Masking, 2, 9));
        assert_ne!(here, first(47, Purpose::Order, 9, 2));
        assert_ne!(here, first(47, Purpose::Order, 2, 10));
    }
}
