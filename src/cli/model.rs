//! Which weights to run: flags of several commands.

use std::path::PathBuf;

use clap::Args;

use crate::inference::precision::Precision;

/// Which weights to run, where and how exactly.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Model options")]
pub(crate) struct ModelArguments {
    /// Weights: a name (of those within the program, in `weights/` or in LPMFLOW_WEIGHTS), a file or a run folder
    #[arg(short, long, value_name = "NAME|FILE", default_value = "lite")]
    pub weights: PathBuf,
    /// Of a checkpoint that holds several dictionaries of weights, the one to take: model, ema, ...
    #[arg(long, value_name = "NAME")]
    pub dictionary: Option<String>,
    /// Where to compute: auto, cpu, cuda or cuda:N
    #[arg(long, env = "LPMFLOW_DEVICE", default_value = "auto")]
    pub device: String,
    /// Number format of the network
    #[arg(long, env = "LPMFLOW_PRECISION", value_enum, default_value_t = Precision::Float32)]
    pub precision: Precision,
    /// On a GPU, launch the matcher as one CUDA graph where one pair is matched at a time
    #[arg(long, env = "LPMFLOW_CUDA_GRAPH")]
    pub cuda_graph: bool,
}
