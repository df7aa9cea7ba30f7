//! `lpmflow eval`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::cli::count::{count, processes};
use crate::cli::gate::GateArguments;
use crate::cli::score::alpha;
use crate::cli::{ExifRule, ModelArguments};
use crate::eval::protocol::name::{self, PROTOCOLS, ProtocolName};

const EXAMPLES: &str = "\
Examples:
  The default weights on PF-WILLOW, several protocols side by side, as a page to show around:
    lpmflow eval --dataset pf-willow --data-root data --html report.html

  Your own photos, annotated in CVAT, Label Studio or another tool that exports COCO keypoints:
    lpmflow eval --dataset coco-keypoints --data-root my-photos

  Predictions of any other system, judged by the same rules:
    lpmflow eval --dataset spair71k --data-root data --predictions theirs.jsonl

  In continuous integration: exit code 3 when PCK fell by more than half a point, that of a category by more
  than three, or at any alpha beyond chance:
    lpmflow eval --dataset spair71k --data-root data --baseline main.json --max-drop 0.5 \\
        --max-drop-category 3 --fail-if significant --alphas all \\
        --report report.json --junit junit.xml --html report.html --markdown summary.md";

const RESULTS: &str = "\
Every FILE of a result may be `-`: it goes to stdout, and the table to stderr. Links are followed; devices
and FIFOs are written as they are. Results that would overwrite an input or one another are refused.";

const PREDICTIONS: &str = "\
Prediction files hold one JSON object a line: `source` and `target` (or `index`, from 0), and `predicted`,
[[x, y], ...] in original target pixels, one for each source keypoint in the dataset's order, null where it was not
found; for TSS and Caltech-101 `flow`, a .flo file on the source's pixels (a path from the list's folder).
`lpmflow datasets export-pairs` writes the questions to such answers. What `predict --pairs` prints, and the folder
that it writes, are read as well. `confidence`, [c, ...] from 0 to 1, is measured where it is there.";

/// The flags of `eval`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = help())]
pub(crate) struct EvalArguments {
    /// What to evaluate on.
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// How to score.
    #[command(flatten)]
    pub scoring: ScoringArguments,
    /// What to evaluate instead of a network.
    #[command(flatten)]
    pub instead: InsteadArguments,
    /// Where results go.
    #[command(flatten)]
    pub outputs: OutputArguments,
    /// What must hold beside the baseline.
    #[command(flatten)]
    pub gate: GateArguments,
    /// How the network is run.
    #[command(flatten)]
    pub running: RunningArguments,
    /// Which weights, where and how.
    #[command(flatten)]
    pub model: ModelArguments,
}

/// What to evaluate on.
#[derive(Clone, Debug, Args)]
pub(crate) struct SelectionArguments {
    /// The dataset's name (see `lpmflow datasets list`)
    #[arg(short, long, value_name = "NAME")]
    pub dataset: String,
    /// The split [default: the dataset's, usually test]
    #[arg(short, long, value_name = "NAME")]
    pub split: Option<String>,
    /// A list of datasets of your own instead of the one inside this program
    #[arg(long, env = "LPMFLOW_DATASETS", value_name = "FILE")]
    pub datasets: Option<PathBuf>,
    /// The folder that holds the datasets' folders
    #[arg(long, env = "LPMFLOW_DATA_ROOT", value_name = "DIR", default_value = "data")]
    pub data_root: PathBuf,
    /// Only these categories
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub category: Vec<String>,
    /// Only the first N pairs (after --category)
    #[arg(long, value_name = "N", value_parser = count)]
    pub limit: Option<NonZeroUsize>,
    /// Leave out what is unusable, and count it, instead of stopping
    #[arg(long)]
    pub skip_bad: bool,
    /// What is done about the photos' EXIF orientation
    #[arg(long, value_enum, value_name = "RULE", default_value_t = ExifRule::Ignore)]
    pub exif: ExifRule,
}

/// How to score.
#[derive(Clone, Debug, Args)]
pub(crate) struct ScoringArguments {
    /// The protocols, the headline's first [default: the dataset's, then all that fit]
    #[arg(
        short,
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        value_parser = protocol()
    )]
    pub protocol: Vec<ProtocolName>,
    /// The alphas, parts of the threshold's reference length [default: the dataset's]
    #[arg(short, long, value_name = "A,...", value_delimiter = ',', value_parser = alpha)]
    pub alpha: Vec<f64>,
    /// Also measure how well the network's confidence says what is right (of calibrated weights, as `lite`, which it
    /// slows by a twelfth)
    #[arg(long, conflicts_with_all = ["predictions", "baseline_model"])]
    pub confidence: bool,
}

/// Flags that say which network is run.
const NETWORK: [&str; 9] = [
    "weights",
    "dictionary",
    "backbone",
    "head",
    "model",
    "input_size",
    "input_rule",
    "quality",
    "settings",
];

/// What to evaluate instead of a network.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct InsteadArguments {
    /// Score stored predictions (JSON lines; `-`: from stdin; or the folder of `predict --pairs`) instead of running
    /// a network
    #[arg(long, value_name = "FILE", conflicts_with_all = NETWORK)]
    pub predictions: Option<PathBuf>,
    /// Score a rule that looks at no image
    #[arg(long, value_enum, value_name = "NAME", conflicts_with_all = NETWORK)]
    pub baseline_model: Option<BaselineModel>,
}

impl InsteadArguments {
    /// Whether a network is run.
    pub(crate) fn is_none(&self) -> bool {
        self.predictions.is_none() && self.baseline_model.is_none()
    }
}

/// Rules that look at no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BaselineModel {
    /// Every keypoint lies at the same relative position
    Identity,
}

/// Where results go.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct OutputArguments {
    /// Print the report as JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Write the report as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the report as one self-contained HTML page, whose worst and best pairs open to point at
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write a page to look through all pairs: one file, or a folder if the name does not end with `.html` (`compare` shows
    /// two systems side by side)
    #[arg(long, value_name = "FILE|DIR")]
    pub browse: Option<PathBuf>,
    /// Write the predicted keypoints as JSON lines, to be scored again with --predictions
    #[arg(long, value_name = "FILE")]
    pub predictions_out: Option<PathBuf>,
    /// Leave the scores of single pairs out of the report
    #[arg(long)]
    pub no_pairs: bool,
    /// Compare with an earlier report, by the conditions below
    #[arg(long, value_name = "REPORT")]
    pub baseline: Option<PathBuf>,
}

/// How the network is run.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Running the network")]
pub(crate) struct RunningArguments {
    /// Pairs that go through the network at once
    #[arg(long, value_name = "N", default_value = "1", value_parser = count)]
    pub batch_size: NonZeroUsize,
    /// Start this many processes on this machine that share the pairs, each on its own GPU or its share of the processors;
    /// the report is the same
    ///
    /// Under a launcher that sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as torchrun, processes join
    /// without this flag. The memory for features is that of each.
    #[arg(long, value_name = "N", value_parser = processes)]
    pub processes: Option<NonZeroUsize>,
    /// Memory for features of photos that later pairs show again
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = bytes)]
    pub feature_cache: usize,
}

/// The name of a protocol.
pub(super) fn protocol() -> impl TypedValueParser<Value = ProtocolName> {
    PossibleValuesParser::new(name::names()).try_map(|name| name.parse::<ProtocolName>())
}

/// What follows the flags in the long help.
fn help() -> String {
    format!(
        "{EXAMPLES}\n\nProtocols (each report spells its own out):\n{}\n{RESULTS}\n\n{PREDICTIONS}",
        protocols()
    )
}

/// The protocols with their rules in brief, in two columns.
fn protocols() -> String {
    let width = name::names().map(str::len).max().unwrap_or_default();
    let line_break = format!("\n{}", " ".repeat(width + 4));
    let mut table = String::new();
    for protocol in PROTOCOLS {
        let summary = protocol.summary.replace('\n', &line_break);
        table.push_str(&format!("  {:width$}  {summary}\n", protocol.name));
    }
    table
}

/// A size in bytes, with or without a unit.
fn bytes(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, usize); 7] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("kB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
    ];
    let text = text.trim();
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1));
    let count = number.trim().parse::<usize>().ok().and_then(|count| count.checked_mul(factor));
    count.ok_or_else(|| "a size is a whole number and a unit, as 512MiB or 2GB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("2 GB"), Ok(2_000_000_000));
        assert_eq!(bytes("0"), Ok(0));
        assert!(bytes("lots").is_err() && bytes("-1MB").is_err());
    }
}
