//! Where a run stands, as its checkpoint records it.

use serde::{Deserialize, Serialize};

use crate::train::samples::sampler::Position;

/// Where a run stands between two optimizer steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunState {
    /// Optimizer steps done.
    pub step: u64,
    /// The next batch.
    pub position: Position,
    /// Sums over the current epoch so far.
    pub totals: Totals,
    /// The best validation so far.
    pub best: Option<Best>,
    /// What validation said before the first step; versions that did not ask have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
}

/// What there was to improve on, as PCK of the validation pairs in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// Of the weights that the run began with.
    pub pck: f64,
    /// Of the same position in both photos, which no network is needed for.
    pub same_position: f64,
}

/// Sums over the batches of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredTotals")]
pub(crate) struct Totals {
    loss: Sum,
    terms: Vec<(String, Sum)>,
}

/// One number over some batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sum {
    batches: u64,
    sum: f64,
}

impl Sum {
    fn add(&mut self, value: f64, batches: u64) {
        self.batches += batches;
        self.sum += batches as f64 * value;
    }

    fn mean(self) -> f64 {
        self.sum / self.batches.max(1) as f64
    }
}

impl Totals {
    /// Counts a step's loss for each of the step's batches.
    pub(crate) fn add_loss(&mut self, value: f64, batches: u64) {
        self.loss.add(value, batches);
    }

    /// The same of one of the loss's terms.
    pub(crate) fn add_term(&mut self, name: &str, value: f64, batches: u64) {
        match self.terms.iter_mut().find(|(other, _)| other == name) {
            Some((_, sum)) => sum.add(value, batches),
            None => {
                let mut sum = Sum::default();
                sum.add(value, batches);
                self.terms.push((name.to_owned(), sum));
            }
        }
    }

    /// The mean loss.
    pub(crate) fn mean_loss(&self) -> f64 {
        self.loss.mean()
    }

    /// The mean of each term, in the order in which they were first counted.
    pub(crate) fn mean_terms(&self) -> Vec<(String, f64)> {
        self.terms.iter().map(|(name, sum)| (name.clone(), sum.mean())).collect()
    }
}

/// Totals in a checkpoint: today's form, or that of versions that knew the terms by name.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum StoredTotals {
    Named { loss: Sum, terms: Vec<(String, Sum)> },
    Fixed { batches: u64, end_point_error: f64, contrast: f64, loss: f64 },
}

impl From<StoredTotals> for Totals {
    fn from(stored: StoredTotals) -> Self {
        match stored {
            StoredTotals::Named { loss, terms } => Self { loss, terms },
            StoredTotals::Fixed { batches, end_point_error, contrast, loss } => {
                let term = |(name, sum): (&str, f64)| (name.to_owned(), Sum { batches, sum });
                let terms = [("end_point_error", end_point_error), ("contrastive_loss", contrast)];
                // Every kind of run had both, and 0 where it did not know them.
                let terms = terms.into_iter().filter(|(_, sum)| *sum != 0.0).map(term).collect();
                Self { loss: Sum { batches, sum: loss }, terms }
            }
        }
    }
}

/// A validation result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Best {
    /// The epoch it followed, counted from 0; none for the weights that the run began with.
    pub epoch: Option<u64>,
    /// Its PCK in percent.
    pub pck: f64,
}
