//! What samples are made from.

use std::iter;
use std::path::PathBuf;

use anyhow::Result;

use crate::data::Pair;
use crate::train::samples::random::{Purpose, generator};
use crate::train::samples::sample::Sample;
use crate::train::samples::settings::SampleSettings;

/// Annotated pairs or plain photos.
#[derive(Clone, Debug)]
pub(crate) enum TrainingSet {
    /// Annotated pairs.
    Pairs(Vec<Pair>),
    /// Plain photos, each warped to make a pair.
    Photos(Vec<PathBuf>),
}

impl TrainingSet {
    /// How many samples an epoch has.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Pairs(pairs) => pairs.len(),
            Self::Photos(photos) => photos.len(),
        }
    }

    /// Lets every sample occur so many times.
    pub(crate) fn repeat(&mut self, times: usize) {
        match self {
            Self::Pairs(pairs) => *pairs = repeated(pairs, times),
            Self::Photos(photos) => *photos = repeated(photos, times),
        }
    }

    /// Whether there is nothing to train on.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes a sample; what is random about it depends on the seed, the epoch and the index alone.
    ///
    /// # Errors
    /// When a photo cannot be read.
    pub(crate) fn sample(
        &self,
        index: usize,
        epoch: u64,
        settings: &SampleSettings,
    ) -> Result<Sample> {
        let rng = generator(settings.seed, Purpose::Augmentation, epoch, index as u64);
        match self {
            Self::Pairs(pairs) => settings.annotated(rng, index, &pairs[index]),
            Self::Photos(photos) => settings.warped(rng, index, &photos[index]),
        }
    }
}

fn repeated<T: Clone>(items: &[T], times: usize) -> Vec<T> {
    iter::repeat_n(items, times).flatten().cloned().collect()
}

#[cfg(test)]
mod tests;
