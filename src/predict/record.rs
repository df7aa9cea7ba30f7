//! What became of a pair, as printed on stdout and kept beside a batch's files.

use std::path::{Path, PathBuf};

use anyhow::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::defaults::is_default;
use crate::geometry::{Size, Turn};
use crate::path_text::{path_from_text, path_text};
use crate::predict::format::wheel::FlowScale;
use crate::predict::label_score::LabelScore;
use crate::predict::transferred::TransferredKeypoints;
use crate::predict::verdict::Verdict;

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
    /// What full colours stand for in a picture of the flow; there when one was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_scale: Option<FlowScale>,
    /// The files, in the order in which they were asked for.
    pub files: Vec<WrittenFile>,
    /// The transferred keypoints, if there were any to transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keypoints: Option<TransferredKeypoints>,
    /// How right carried labels are, where the target's own are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelScore>,
    /// Which of several sources was taken, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_index: Option<usize>,
    /// How the target was turned for the match.
    #[serde(default, skip_serializing_if = "is_default")]
    pub turn: Turn,
    /// How it would have matched far better, if that was looked for and found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better_turn: Option<Turn>,
    /// Whether the photos correspond at all, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// One file written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "WrittenText", try_from = "WrittenText")]
pub(crate) struct WrittenFile {
    /// The file.
    pub path: PathBuf,
    /// Pixels whose displacement the format cannot hold; they are marked invalid.
    pub invalid_pixels: usize,
    /// Pixels marked as having no match.
    pub unmatched_pixels: usize,
    /// Annotations of which nothing was found in the target.
    pub lost_annotations: usize,
}

/// The same in JSON.
#[derive(Serialize, Deserialize)]
struct WrittenText {
    path: String,
    /// Whether `path` is escaped because it is not Unicode.
    #[serde(default, skip_serializing_if = "is_default")]
    path_escaped: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    invalid_pixels: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    unmatched_pixels: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    lost_annotations: usize,
}

impl From<WrittenFile> for WrittenText {
    fn from(file: WrittenFile) -> Self {
        let WrittenFile { path, invalid_pixels, unmatched_pixels, lost_annotations } = file;
        let (path, path_escaped) = path_text(&path);
        Self { path, path_escaped, invalid_pixels, unmatched_pixels, lost_annotations }
    }
}

impl TryFrom<WrittenText> for WrittenFile {
    type Error = Error;

    fn try_from(text: WrittenText) -> Result<Self, Error> {
        let path = path_from_text(text.path, text.path_escaped)?;
        let WrittenText { invalid_pixels, unmatched_pixels, lost_annotations, .. } = text;
        Ok(Self { path, invalid_pixels, unmatched_pixels, lost_annotations })
    }
}

/// What a list calls a pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairLabel {
    /// What another program calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Value>,
    /// The source photo, as given; absent where the list's line could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether `source` is escaped because it is not Unicode.
    #[serde(default, skip_serializing_if = "is_default")]
    pub source_escaped: bool,
    /// The target photo, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether `target` is escaped.
    #[serde(default, skip_serializing_if = "is_default")]
    pub target_escaped: bool,
}

impl PairLabel {
    /// Of a source and a target photo.
    pub(crate) fn of_photos(photos: [&Path; 2]) -> Self {
        let [(source, source_escaped), (target, target_escaped)] = photos.map(path_text);
        let (source, target) = (Some(source), Some(target));
        Self { index: None, source, source_escaped, target, target_escaped }
    }
}

/// What became of a pair: one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Record {
    /// The pair's line in the list, from 1; absent outside lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The target's place in a film, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<usize>,
    /// What it is called.
    #[serde(flatten)]
    pub label: PairLabel,
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
