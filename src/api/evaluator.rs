//! PCK of a network or of stored predictions, by named protocols.

use std::num::NonZeroUsize;
use std::path::Path;

use crate::api::engine::Engine;
use crate::api::error::{Classify, Error};
use crate::data::catalog::Catalog;
use crate::data::photo::orientation::Exif;
use crate::eval::predictions::{self, Prediction};
use crate::eval::protocol::Protocol;
use crate::eval::selection::keep_predicted;
use crate::eval::summary::{ProtocolScores, score};
use crate::eval::task::{Task, Wanted};
use crate::eval::{PredictOptions, predict, prefetch};
use crate::flow;
use crate::inference::frame::FrameKey;

/// The pairs of a split, and the protocols that fit them.
#[derive(Clone, Debug)]
pub struct Evaluator {
    task: Task,
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
            let wanted = Wanted {
                dataset,
                data_root,
                split,
                categories: &[],
                limit,
                protocols: &[],
                alphas: &[],
                skip_bad: false,
                exif: Exif::Ignore,
            };
            Ok(Self { task: Task::new(&Catalog::load(None)?, &wanted)? })
        };
        open().classed(Error::Dataset)
    }

    /// How many pairs there are.
    pub fn pairs(&self) -> usize {
        self.task.pairs.len()
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
            protocols: &self.task.protocols,
            column: self.task.headline(),
            wanted: flow::Wanted::Matches,
        };
        let load = |key: &FrameKey| prefetch::load(key, input, Exif::Ignore);
        let predicted = predict(&self.task.pairs, &options, &load, &mut engine.0, &mut |_| {});
        let predicted = predicted.classed(Error::Network)?;
        self.scored(&predicted, &self.task.protocols).classed(Error::Network)
    }

    /// Scores stored predictions of any system (README says how such files look); a part of the pairs is scored
    /// as a part.
    ///
    /// # Errors
    /// [`Error::Predictions`].
    pub fn score(&self, predictions: &Path) -> Result<Scores, Error> {
        let score = || -> anyhow::Result<Scores> {
            let (pairs, left_out) = (&self.task.pairs, &self.task.split.left_out);
            let predicted =
                predictions::read(predictions, pairs, left_out, self.task.root(), false)?
                    .predictions;
            self.scored(&predicted, &self.task.stored_protocols(&predicted))
        };
        score().classed(Error::Predictions)
    }

    fn scored(&self, predicted: &[Prediction], protocols: &[Protocol]) -> anyhow::Result<Scores> {
        let mut pairs = self.task.pairs.clone();
        keep_predicted(&mut pairs, predicted);
        let evaluation = score(&pairs, predicted, protocols, &self.task.alphas)?;
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

    /// PCK in percent under a protocol, at any alpha; none under a protocol that does not fit the dataset, or measures
    /// areas.
    pub fn pck(&self, protocol: &str, alpha: f64) -> Option<f64> {
        let scores = self.protocols.iter().find(|scores| scores.protocol.name.as_str() == protocol);
        scores.filter(|scores| !scores.protocol.measures_areas()).map(|scores| scores.pck(alpha))
    }
}
