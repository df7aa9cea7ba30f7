//! PCK of a network or of stored predictions, by named protocols.

use std::num::NonZeroUsize;
use std::path::Path;

use crate::api::engine::Engine;
use crate::api::error::{Classify, Error};
use crate::data::Pair;
use crate::data::catalog::Catalog;
use crate::data::load::load_split;
use crate::eval::predictions::{self, Prediction};
use crate::eval::protocol::Protocol;
use crate::eval::selection::{ensure_none, keep_predicted, remove_unmeasurable};
use crate::eval::summary::{ProtocolScores, headline_alpha, score};
use crate::eval::{PredictOptions, predict, prefetch};
use crate::inference::frame::FrameKey;

/// The pairs of a split, and the protocols that fit them.
#[derive(Clone, Debug)]
pub struct Evaluator {
    pairs: Vec<Pair>,
    /// The dataset's usual one first.
    protocols: Vec<Protocol>,
    alphas: Vec<f64>,
}

impl Evaluator {
    /// The split `split` (the dataset's usual one if `None`) of a dataset of the catalog, whose folder lies in
    /// `data_root`. With `limit`, its first pairs.
    ///
    /// # Errors
    /// [`Error::Dataset`].
    pub fn open(
        dataset: &str,
        data_root: &Path,
        split: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Self, Error> {
        let open = || -> anyhow::Result<Self> {
            let catalog = Catalog::load(None)?;
            let entry = catalog.get(dataset)?;
            let split = split.unwrap_or(&entry.default_split);
            let mut pairs = load_split(dataset, entry, data_root, split, false)?.split.pairs;
            pairs.truncate(limit.unwrap_or(usize::MAX));
            let protocols = Protocol::all_for_layout(entry.protocol.parse()?, entry.layout)?;
            ensure_none(&remove_unmeasurable(&mut pairs, &protocols), "pairs cannot be scored")?;
            Ok(Self { pairs, protocols, alphas: entry.alphas.clone() })
        };
        open().classed(Error::Dataset)
    }

    /// How many pairs there are.
    pub fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Runs a network over all pairs, and scores it.
    ///
    /// # Errors
    /// [`Error::Network`], also where a photo of the dataset cannot be read.
    pub fn evaluate(&self, engine: &mut Engine) -> Result<Scores, Error> {
        let input = engine.0.input();
        let options = PredictOptions {
            batch_size: NonZeroUsize::MIN,
            skip_bad: false,
            protocol: self.protocols[0],
            alpha: headline_alpha(&self.alphas),
        };
        let load = |key: &FrameKey| prefetch::load(key, input);
        let predicted = predict(&self.pairs, &options, &load, &mut engine.0, &mut |_| {});
        let predicted = predicted.classed(Error::Network)?;
        self.scored(&predicted, self.protocols.clone()).classed(Error::Network)
    }

    /// Scores stored predictions of any system (README says how such files look); a part of the pairs is scored
    /// as a part.
    ///
    /// # Errors
    /// [`Error::Predictions`].
    pub fn score(&self, predictions: &Path) -> Result<Scores, Error> {
        let score = || -> anyhow::Result<Scores> {
            let predicted = predictions::read(predictions, &self.pairs)?;
            let paper = predicted.iter().all(|prediction| prediction.paper_points.is_some());
            let stored = self.protocols.iter().map(|protocol| protocol.stored(paper));
            self.scored(&predicted, stored.collect())
        };
        score().classed(Error::Predictions)
    }

    fn scored(&self, predicted: &[Prediction], protocols: Vec<Protocol>) -> anyhow::Result<Scores> {
        let mut pairs = self.pairs.clone();
        keep_predicted(&mut pairs, predicted);
        let evaluation = score(&pairs, predicted, &protocols, &self.alphas)?;
        Ok(Scores { pairs: pairs.len(), protocols: evaluation.protocols })
    }
}

/// The scores of an evaluation.
#[derive(Clone, Debug)]
pub struct Scores {
    pairs: usize,
    protocols: Vec<ProtocolScores>,
}

impl Scores {
    /// How many pairs were scored.
    pub fn pairs(&self) -> usize {
        self.pairs
    }

    /// The names of the protocols, the dataset's usual one first.
    pub fn protocols(&self) -> impl Iterator<Item = &'static str> {
        self.protocols.iter().map(|scores| scores.protocol.name.as_str())
    }

    /// PCK in percent under a protocol, at any alpha; none under a protocol that does not fit the dataset.
    pub fn pck(&self, protocol: &str, alpha: f64) -> Option<f64> {
        let scores = self.protocols.iter().find(|scores| scores.protocol.name.as_str() == protocol);
        scores.map(|scores| scores.pck(alpha))
    }
}
