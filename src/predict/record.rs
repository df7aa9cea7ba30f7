//! What became of a pair, as printed on stdout and kept beside a batch's files.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::geometry::Size;
use crate::predict::transferred::TransferredKeypoints;

/// What was found for a pair and where it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Prediction {
    /// The source photo's size, upright.
    pub source_size: Size,
    /// The target photo's size, upright.
    pub target_size: Size,
    /// The displacement that 99 % of the flow's pixels stay below, in the pixels of the written flow;
    /// there when a flow was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub magnitude: Option<f32>,
    /// The files, in the order in which they were asked for.
    pub files: Vec<WrittenFile>,
    /// The transferred keypoints, if there were any to transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keypoints: Option<TransferredKeypoints>,
}

/// One file written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenFile {
    /// The file.
    pub path: PathBuf,
    /// Pixels that the format cannot hold and marks invalid.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub invalid_pixels: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What became of a pair: one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The pair's line in the list, from 1; absent outside lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The source photo, as given; absent where the list's line could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The target photo, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: PairOutcome,
}

/// What became of a pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub(crate) enum PairOutcome {
    /// Done now.
    Done(Prediction),
    /// Done by an earlier run in the same way.
    Skipped(Prediction),
    /// Not done.
    Failed {
        /// Why, as one chain.
        error: String,
    },
}

impl PairOutcome {
    /// A pair that was not done because of an error.
    pub(crate) fn failed(error: &anyhow::Error) -> Self {
        Self::Failed { error: format!("{error:#}") }
    }
}
