//! `lpmflow bench`.

use std::num::NonZeroUsize;

use clap::Args;

use crate::cli::ModelArguments;
use crate::cli::count::{count, count_or_none, processes};
use crate::model::architecture::presets;
use crate::processes::buckets::Transfer;

/// What to time, and how often.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lpmflow bench --threads 2 --iterations 50\n  lpmflow bench --untrained base --json"
)]
pub(crate) struct BenchArguments {
    /// Which weights, where
    #[command(flatten)]
    pub model: ModelArguments,
    /// Time a preset with random values instead of weights
    #[arg(
        long,
        value_name = "PRESET",
        conflicts_with = "weights",
        help_heading = "Model options",
        help = untrained()
    )]
    pub untrained: Option<String>,
    /// Pairs per forward pass
    #[arg(short, long, default_value = "1", value_name = "N", value_parser = count)]
    pub batch_size: NonZeroUsize,
    /// Forward passes that count
    #[arg(short, long, default_value = "10", value_name = "N", value_parser = count)]
    pub iterations: NonZeroUsize,
    /// Forward passes before them that do not
    #[arg(long, default_value = "2", value_name = "N", value_parser = count_or_none)]
    pub warm_up: usize,
    /// Time the pass's matrix products alone as well: how far it is from doing nothing else
    #[arg(long)]
    pub limit: bool,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub json: bool,
    /// Leave the training step out: it takes several times the memory
    #[arg(long)]
    pub no_training: bool,
    /// Instead of all that: start this many processes on this machine, and time what a training step spends on the sums
    /// of gradients over all of them
    ///
    /// Under a launcher that sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, processes join without this
    /// flag.
    #[arg(long, value_name = "N", value_parser = processes)]
    pub processes: Option<NonZeroUsize>,
    /// The numbers in which gradients go from process to process
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Transfer::Float32)]
    pub gradient_transfer: Transfer,
}

/// The help of --untrained.
fn untrained() -> String {
    let names: Vec<&str> = presets().collect();
    format!("Time a preset with random values instead of weights ({})", names.join(", "))
}
