//! Where a run stands, as its checkpoint records it.

use serde::{Deserialize, Serialize};

use crate::train::samples::sampler::Position;

/// Where a run stands between two optimizer steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunState {
    /// Optimizer steps done.
    pub step: u64,
    /// The next batch.
    pub position: Position,
    /// Sums over the current epoch so far.
    pub totals: Totals,
    /// The best validation so far.
    pub best: Option<Best>,
}

/// Numbers of a run's steps by name, summed over the batches of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredTotals", into = "Vec<Total>")]
pub struct Totals(Vec<Total>);

/// One number over some batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Total {
    name: String,
    batches: u64,
    sum: f64,
}

impl Totals {
    /// Counts a step's number for each of the step's batches.
    pub fn add(&mut self, name: &str, value: f64, batches: u64) {
        let sum = batches as f64 * value;
        match self.0.iter_mut().find(|total| total.name == name) {
            Some(total) => {
                total.batches += batches;
                total.sum += sum;
            }
            None => self.0.push(Total { name: name.to_owned(), batches, sum }),
        }
    }

    /// Each number's name and its mean over the batches, in the order in which they were first counted.
    pub fn means(&self) -> Vec<(String, f64)> {
        let mean = |total: &Total| (total.name.clone(), total.sum / total.batches.max(1) as f64);
        self.0.iter().map(mean).collect()
    }
}

/// Totals in a checkpoint: today's form, or that of versions that knew the losses by name.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum StoredTotals {
    Named(Vec<Total>),
    Fixed { batches: u64, end_point_error: f64, contrast: f64, loss: f64 },
}

impl From<StoredTotals> for Totals {
    fn from(stored: StoredTotals) -> Self {
        let (batches, sums) = match stored {
            StoredTotals::Named(totals) => return Self(totals),
            StoredTotals::Fixed { batches, end_point_error, contrast, loss } => {
                let contrastive_loss = ("contrastive_loss", contrast);
                (batches, [("loss", loss), ("end_point_error", end_point_error), contrastive_loss])
            }
        };
        let of_run = sums.into_iter().filter(|(_, sum)| *sum != 0.0);
        let total = |(name, sum): (&str, f64)| Total { name: name.to_owned(), batches, sum };
        Self(of_run.map(total).collect())
    }
}

impl From<Totals> for Vec<Total> {
    fn from(totals: Totals) -> Self {
        totals.0
    }
}

/// A validation result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// The epoch it followed, counted from 0.
    pub epoch: u64,
    /// Its PCK in percent.
    pub pck: f64,
}
