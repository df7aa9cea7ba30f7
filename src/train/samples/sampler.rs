//! In which order samples are seen: a new order every epoch, from the seed and the epoch alone.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::processes::shards::Shard;
use crate::train::samples::random::{Purpose, generator};

/// A place between two batches of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// Epochs finished.
    pub epoch: u64,
    /// Batches of the current epoch finished.
    pub batch: u64,
}

/// The batches of every epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sampler {
    /// The run's seed.
    pub seed: u64,
    /// Samples in the dataset.
    pub samples: usize,
    /// Samples in a batch; an epoch's last batch may have fewer.
    pub batch_size: usize,
}

impl Sampler {
    /// How many batches an epoch has.
    pub(crate) fn batches(&self) -> u64 {
        self.samples.div_ceil(self.batch_size) as u64
    }

    /// The batches of an epoch, each a list of sample indices; every sample occurs once.
    pub(crate) fn epoch(&self, epoch: u64) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.samples).collect();
        order.shuffle(&mut generator(self.seed, Purpose::Order, epoch, 0));
        order.chunks(self.batch_size).map(<[usize]>::to_vec).collect()
    }

    /// What is left of the epoch at `position`.
    pub(crate) fn rest(&self, position: Position) -> Vec<Vec<usize>> {
        self.epoch(position.epoch).split_off(position.batch.min(self.batches()) as usize)
    }

    /// Of these the part of one of several processes; none of a batch that has fewer samples than there are.
    pub(crate) fn rest_of(&self, shard: Shard, position: Position) -> Vec<Vec<usize>> {
        let rest = self.rest(position).into_iter();
        rest.map(|batch| batch[shard.of(batch.len())].to_vec()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLER: Sampler = Sampler { seed: 47, samples: 23, batch_size: 4 };

    #[test]
    fn every_epoch_sees_every_sample_once_in_an_order_of_its_own() {
        let epochs = [0, 1].map(|epoch| SAMPLER.epoch(epoch));
        for batches in &epochs {
            let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
            assert_eq!(sizes, [4, 4, 4, 4, 4, 3]);
            let mut seen = batches.concat();
            seen.sort_unstable();
            assert_eq!(seen, (0..23).collect::<Vec<_>>());
        }
        assert_ne!(epochs[0], epochs[1]);
        assert_eq!(SAMPLER.batches(), 6);
    }

    #[test]
    fn resuming_inside_an_epoch_continues_its_order() {
        let all = SAMPLER.epoch(3);
        assert_eq!(SAMPLER.rest(Position { epoch: 3, batch: 2 }), all[2..]);
        assert!(SAMPLER.rest(Position { epoch: 3, batch: 6 }).is_empty());
    }

    #[test]
    fn processes_share_every_batch_among_them() {
        let position = Position { epoch: 2, batch: 1 };
        for count in [1, 2, 3, 5] {
            let parts: Vec<_> =
                (0..count).map(|index| SAMPLER.rest_of(Shard { index, count }, position)).collect();
            for (number, batch) in SAMPLER.rest(position).iter().enumerate() {
                let together = parts.iter().flat_map(|part| &part[number]);
                assert!(together.eq(batch));
            }
        }
    }
}
