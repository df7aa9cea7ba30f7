//! What `compare` writes beside the terminal's table.

use std::path::PathBuf;

use clap::Args;

use crate::cli::ExifRule;

/// Where comparisons go.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct ComparisonOutputs {
    /// What the reports are called, in their order [default: their weights]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub names: Vec<String>,
    /// Write the table as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Write the table as LaTeX
    #[arg(long, value_name = "FILE")]
    pub latex: Option<PathBuf>,
    /// Write a page; of two reports with what changed, and pictures of the largest changes
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write a page to look through all pairs, two systems side by side: one file, or a folder if the name does not end
    /// with `.html`
    #[arg(long, value_name = "FILE|DIR")]
    pub browse: Option<PathBuf>,
    /// The folder that holds the datasets' folders, for pictures
    #[arg(long, env = "LPMFLOW_DATA_ROOT", value_name = "DIR", default_value = "data")]
    pub data_root: PathBuf,
    /// A list of datasets of your own instead of the one inside this program
    #[arg(long, env = "LPMFLOW_DATASETS", value_name = "FILE")]
    pub datasets: Option<PathBuf>,
    /// What is done about the photos' EXIF orientation
    #[arg(long, value_enum, value_name = "RULE", default_value_t = ExifRule::Ignore)]
    pub exif: ExifRule,
}
