//! The report: one JSON document that says what was measured, on what, how, and what came out.
//!
//! `report.schema.json` beside this file describes it (see [`schema`]); tests hold both together.

mod build;
mod check;
pub(crate) mod html;
pub(crate) mod junit;
pub(crate) mod markdown;
mod sample;
#[cfg(test)]
pub(crate) mod schema;
pub(crate) mod words;

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::data::lists::bytes;
use crate::data::lists::encoding::decode;
use crate::data::lists::json;
use crate::eval::bootstrap::Interval;
use crate::eval::detail::confidence::ConfidenceReport;
use crate::eval::detail::errors::Errors;
use crate::eval::detail::exchanged::Exchanges;
use crate::eval::detail::parts::Parts;
use crate::eval::protocol::name::ProtocolName;
use crate::eval::protocol::rules::{Average, MeasureFrame, ThresholdReference, Ties, TransferRule};
use crate::eval::summary::{Group, GroupsByDifficulty, PckByAlpha};
use crate::geometry::Point;
use crate::inference::memory;
use crate::output;
use crate::visible::Shown;
pub(crate) use build::Circumstances;

/// The version of the report's layout.
pub(crate) const SCHEMA: u32 = 1;

/// An evaluation and everything needed to judge and repeat it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The version of this layout: [`SCHEMA`].
    pub schema: u32,
    /// What wrote the report.
    pub tool: Tool,
    /// What was evaluated on.
    pub dataset: DatasetReport,
    /// What was evaluated.
    pub model: ModelReport,
    /// Where and how fast it ran.
    pub run: RunReport,
    /// The one number by which reports are compared.
    pub headline: Headline,
    /// What a reader must know of the pairs and predictions, a sentence each; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// All scores, the headline's protocol first.
    pub protocols: Vec<ProtocolReport>,
    /// PCK of each part under the headline's protocol; absent where the dataset does not say what keypoints are.
    #[serde(default, skip_serializing_if = "Parts::is_empty")]
    pub parts: Parts,
    /// How often left and right are exchanged, by the headline's protocol and alpha; absent where no part has a twin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchanges: Option<Exchanges>,
    /// How well the confidence says what is right by the headline's protocol and alpha; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<ConfidenceReport>,
    /// The scores of single pairs, in the dataset's order; absent when they were not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Vec<PairReport>>,
}

/// What wrote a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tool {
    /// `lpmflow`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it was built from, where whoever built it said so (`LPMFLOW_BUILD`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
}

/// What was evaluated on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DatasetReport {
    /// The dataset's name in the catalog.
    pub name: String,
    /// Its annotation layout.
    pub layout: String,
    /// The split's name.
    pub split: String,
    /// How many pairs were scored.
    pub pairs: usize,
    /// How many pairs were selected, but not scored, because no prediction was given for them.
    pub missing: usize,
    /// How many pairs were left out because they, or the predictions for them, are unusable.
    pub skipped: usize,
    /// SHA-256 over the annotation of the scored pairs, in hexadecimal.
    pub fingerprint: String,
}

/// What was evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelReport {
    /// Whether the predictions come from a network, a baseline or a file.
    pub kind: ModelKind,
    /// The name of the weights, the baseline or the file.
    pub weights: String,
    /// SHA-256 of that file in hexadecimal.
    pub sha256: Option<String>,
    /// The network's configuration.
    pub config: Option<serde_json::Value>,
    /// How many numbers the network has learned.
    pub parameters: Option<u64>,
}

/// Where predictions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ModelKind {
    /// A network that was run.
    Network,
    /// A rule that looks at no image.
    Baseline,
    /// A file of stored predictions.
    Predictions,
}

/// Where and how fast an evaluation ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunReport {
    /// The device of the network.
    pub device: Option<String>,
    /// The number format of the network.
    pub precision: Option<String>,
    /// The vector instructions that a network was run with on a processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Processor threads.
    pub threads: usize,
    /// How many pairs the network was given at once.
    pub batch_size: Option<usize>,
    /// Wall time of prediction and scoring.
    pub seconds: f64,
    /// Pairs in that time.
    pub pairs_per_second: f64,
    /// The most memory the process had, where the system says.
    pub peak_memory_bytes: Option<u64>,
}

impl RunReport {
    /// A run of `pairs` pairs that took `seconds` and ends now.
    pub(crate) fn ended(pairs: usize, seconds: f64) -> Self {
        Self {
            device: None,
            precision: None,
            instructions: None,
            threads: rayon::current_num_threads(),
            batch_size: None,
            seconds,
            pairs_per_second: pairs as f64 / seconds.max(1e-9),
            peak_memory_bytes: memory::peak_bytes(),
        }
    }
}

/// The one number by which reports are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Headline {
    /// The first protocol that was asked for.
    pub protocol: ProtocolName,
    /// 0.1 if it was asked for, else the largest alpha; of areas `IoU`.
    pub alpha: String,
    /// PCK, or the measure of areas, in percent.
    pub pck: f64,
}

/// The scores under one protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProtocolReport {
    /// Its name.
    pub name: ProtocolName,
    /// The length that alpha multiplies.
    pub threshold: ThresholdReference,
    /// What the overall PCK is the mean of.
    pub average: Average,
    /// Where distances and thresholds are measured.
    pub frame: MeasureFrame,
    /// How source keypoints became predictions.
    pub transfer: TransferRule,
    /// What becomes of a keypoint whose distance equals the limit.
    #[serde(default)]
    pub ties: Ties,
    /// All of this in words.
    pub description: String,
    /// The alphas, ascending; none of areas.
    pub alphas: Vec<f64>,
    /// PCK in percent over all pairs.
    pub overall: PckByAlpha,
    /// 95 % bootstrap interval of `overall` over pairs.
    pub interval95: IndexMap<String, Interval>,
    /// How far off the predictions are; absent of areas, and in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Errors>,
    /// By category.
    pub categories: IndexMap<String, Group>,
    /// By difficulty; empty where the dataset has no grades.
    #[serde(default)]
    pub difficulty: GroupsByDifficulty,
}

/// The scores of one pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairReport {
    /// Position in the split's list.
    pub index: usize,
    /// The source image.
    pub source: String,
    /// The target image.
    pub target: String,
    /// The category.
    pub category: String,
    /// How many keypoints were scored, or pixels instead.
    pub keypoints: usize,
    /// PCK in percent by protocol, then by alpha.
    pub pck: IndexMap<ProtocolName, PckByAlpha>,
    /// What the keypoints are, where the dataset says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// By protocol, how far off each keypoint is in units of the length that alpha multiplies, so rounded that it
    /// is right at the same of the report's alphas; `None` where it was not found. Absent of flows and areas.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub errors: IndexMap<ProtocolName, Vec<Option<f64>>>,
    /// Where each keypoint is predicted, in original target pixels, rounded to tenths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predicted: Vec<Option<Point>>,
    /// How sure each prediction is, 0 to 1, rounded to thousandths, where that is known; of points that were not found it
    /// may not be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confidence: Vec<Option<f64>>,
}

impl Report {
    /// The scores under a protocol, if it was asked for.
    pub(crate) fn protocol(&self, name: ProtocolName) -> Option<&ProtocolReport> {
        self.protocols.iter().find(|protocol| protocol.name == name)
    }

    /// Reads a report.
    ///
    /// # Errors
    /// When the file cannot be read or is no report of this version.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let attempt = || -> Result<Self> {
            let text = decode(bytes::read(path)?)?;
            ensure!(
                text.trim().is_empty() || text.trim_start().starts_with('{'),
                "it is no JSON: give what `lpmflow eval --report FILE.json` wrote"
            );
            let object: json::Object = json::whole(&text)?;
            let schema = object
                .get("schema")
                .and_then(|schema| serde_json::from_str::<u32>(schema.get()).ok());
            ensure!(
                schema == Some(SCHEMA),
                "it is no report of this version (`schema` is {}, expected {SCHEMA}): write it again \
                 with `lpmflow eval --report`",
                schema.map_or("missing".into(), |schema| schema.to_string())
            );
            // Once more from the text, so that errors tell where.
            let report: Self = json::whole(&text)?;
            report.check()?;
            Ok(report)
        };
        attempt().with_context(|| format!("reading report `{}`", path.shown()))
    }

    /// Writes the report as JSON, each pair in a line of its own.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let summary = serde_json::to_string_pretty(&Self { pairs: None, ..self.clone() })?;
        output::write(path, |file| {
            let Some(pairs) = &self.pairs else { return Ok(writeln!(file, "{summary}")?) };
            write!(file, "{},\n  \"pairs\": [", summary.trim_end_matches("\n}"))?;
            for (number, pair) in pairs.iter().enumerate() {
                let comma = if number == 0 { "" } else { "," };
                write!(file, "{comma}\n    {}", serde_json::to_string(pair)?)?;
            }
            Ok(file.write_all(b"\n  ]\n}\n")?)
        })
    }
}
