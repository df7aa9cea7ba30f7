//! `lpmflow datasets`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::ExifRule;
use crate::cli::count::count;
use crate::cli::eval::protocol;
use crate::eval::protocol::name::ProtocolName;

const EXAMPLES: &str = "\
Examples:
  What can be evaluated on, and which of it lies below `data`:
    lpmflow datasets list --data-root data

  Whether a download is complete:
    lpmflow datasets check spair71k --data-root data

  The pairs of a dataset as questions, for a system of any kind to answer (see its own --help):
    lpmflow datasets export-pairs pf-willow --data-root data -o pairs.jsonl

  What one of them must look like, and where its photos and lists come from:
    lpmflow datasets list pf-pascal

  To get it, or what of it is missing (it asks before it downloads):
    lpmflow datasets fetch pf-pascal --data-root data

  A small drawn dataset to try things on, with nothing downloaded:
    lpmflow datasets make-toy data
    lpmflow eval --dataset toy --data-root data";

/// What to do with datasets.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DatasetsArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: DatasetsCommand,
}

/// What to do with datasets.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DatasetsCommand {
    /// List the datasets of the catalog, and which of them are there, or say all about some
    List(ListArguments),
    /// Download a dataset, or what of it is missing, from where its authors publish it
    Fetch(FetchArguments),
    /// Check a dataset: counts, faulty records, unreadable images, the same or like images in several splits
    Check(CheckArguments),
    /// Write the pairs of a split as questions for any system, whose answers `eval --predictions` scores
    ExportPairs(ExportPairsArguments),
    /// Draw a small dataset in the layout of SPair-71k
    MakeToy(MakeToyArguments),
    /// Composite training pairs from annotated cut-outs, in the layout of SPair-71k
    MakeCutouts(MakeCutoutsArguments),
}

/// Where datasets are described and lie.
#[derive(Clone, Debug, Args)]
pub(crate) struct CatalogArguments {
    /// A list of datasets of your own instead of the one inside this program
    #[arg(long, env = "LPMFLOW_DATASETS", value_name = "FILE")]
    pub datasets: Option<PathBuf>,
    /// The folder that holds the datasets' folders
    #[arg(long, env = "LPMFLOW_DATA_ROOT", value_name = "DIR", default_value = "data")]
    pub data_root: PathBuf,
}

/// The flags of `datasets fetch`.
#[derive(Clone, Debug, Args)]
pub(crate) struct FetchArguments {
    /// The dataset's name (see `lpmflow datasets list`)
    #[arg(value_name = "NAME")]
    pub dataset: String,
    /// Where datasets are described and lie.
    #[command(flatten)]
    pub catalog: CatalogArguments,
    /// Take the files, by their names, from this folder or address instead of those in the list of datasets
    #[arg(long, value_name = "DIR|URL")]
    pub from: Option<String>,
    /// Download without asking
    #[arg(short, long)]
    pub yes: bool,
}

/// The flags of `datasets list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ListArguments {
    /// Say all about these: what the folder must hold, and where photos and lists come from
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Where datasets are described and lie.
    #[command(flatten)]
    pub catalog: CatalogArguments,
    /// Print one JSON array instead of the table
    #[arg(long)]
    pub json: bool,
}

/// The flags of `datasets check`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CheckArguments {
    /// The dataset's name (see `lpmflow datasets list`)
    #[arg(value_name = "NAME")]
    pub dataset: String,
    /// Where datasets are described and lie.
    #[command(flatten)]
    pub catalog: CatalogArguments,
    /// What is done about the photos' EXIF orientation
    #[arg(long, value_enum, value_name = "RULE", default_value_t = ExifRule::Ignore)]
    pub exif: ExifRule,
    /// Exit with 4 when photos of one split are, or seem to be, in another
    #[arg(long)]
    pub fail_on_leaks: bool,
    /// Print one JSON object, with every problem, instead of the summary
    #[arg(long)]
    pub json: bool,
}

/// The flags of `datasets export-pairs`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = QUESTIONS)]
pub(crate) struct ExportPairsArguments {
    /// The dataset's name (see `lpmflow datasets list`)
    #[arg(value_name = "NAME")]
    pub dataset: String,
    /// Where the questions go; `-`: to stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// The split [default: the dataset's, usually test]
    #[arg(short, long, value_name = "NAME")]
    pub split: Option<String>,
    /// Where datasets are described and lie.
    #[command(flatten)]
    pub catalog: CatalogArguments,
    /// Only these categories
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub category: Vec<String>,
    /// Only the first N pairs (after --category)
    #[arg(long, value_name = "N", value_parser = count)]
    pub limit: Option<NonZeroUsize>,
    /// The protocol that will score, if that is one for which source and target change places (cats, ncnet)
    #[arg(short, long, value_name = "NAME", value_parser = protocol())]
    pub protocol: Option<ProtocolName>,
    /// Leave out pairs that are unusable, instead of stopping
    #[arg(long)]
    pub skip_bad: bool,
    /// What is done about the photos' EXIF orientation
    #[arg(long, value_enum, value_name = "RULE", default_value_t = ExifRule::Ignore)]
    pub exif: ExifRule,
}

const QUESTIONS: &str = "\
Each line is a JSON object: `index` (the pair's number), `source` and `target` (photos), `source_size`
and `target_size` (`width` and `height` in pixels), `category`, `keypoints` ([[x, y], ...] in the
source, in pixels of the photo as it is stored, from 0 at the centre of the first), and `answer`: the
key under which the answer belongs.

An answer is a JSON object a line with `index` and `predicted`, [[x, y], ...] in the target, null for
what was not found; where `answer` is `flow`, the name of a .flo file on the source's pixels.

  lpmflow datasets export-pairs spair71k -o pairs.jsonl
  your-system pairs.jsonl | lpmflow eval --dataset spair71k --predictions -
  lpmflow predict --pairs pairs.jsonl --exif ignore > found.jsonl
  lpmflow eval --dataset spair71k --predictions found.jsonl";

/// The flags of `datasets make-toy`.
#[derive(Clone, Debug, Args)]
pub(crate) struct MakeToyArguments {
    /// The data root in which the new folder `toy` is made
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Equal seeds draw equal datasets
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Photos of each category in the training split; validation and test have a third of it each
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(2..=5000))]
    pub images: u32,
    /// Pairs of each category in each split, as far as its photos give so many
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pairs: u32,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    pub json: bool,
}

/// The flags of `datasets make-cutouts`.
#[derive(Clone, Debug, Args)]
pub(crate) struct MakeCutoutsArguments {
    /// The data root in which the new folder `cutouts` is made
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The cut-outs' keypoints (JSON, as scripts/lite/annotations.json)
    #[arg(long, value_name = "FILE")]
    pub annotations: PathBuf,
    /// The folder of the cut-outs, which the annotation's file names start from
    #[arg(long, value_name = "DIR")]
    pub cutouts: PathBuf,
    /// A folder of photos to lay the cut-outs onto
    #[arg(long, value_name = "DIR")]
    pub backgrounds: PathBuf,
    /// Further pictures on transparent ground that lie about: a list of files below the cut-outs' folder
    #[arg(long, value_name = "FILE")]
    pub others: Option<PathBuf>,
    /// Equal seeds make equal datasets
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Photos made of each cut-out
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub renderings: u32,
    /// Pairs in the training split; validation has a fifth
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pairs: u32,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    pub json: bool,
}
