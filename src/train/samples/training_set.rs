//! What samples are made from.

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

#[cfg(test)]
mod tests;
