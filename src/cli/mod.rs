//! What the user can type: clap types alone, one file per command.
//!
//! Flags that a config file or the environment can also give are `Option`s, so that "not given"
//! differs from "given the default"; `commands` resolves them.

pub(crate) mod bench;
pub(crate) mod compare;
mod count;
pub(crate) mod datasets;
mod drawing;
mod environment;
pub(crate) mod eval;
mod exif;
pub(crate) mod export;
pub(crate) mod gate;
pub(crate) mod leaderboard;
mod model;
pub(crate) mod predict;
mod score;
pub(crate) mod train;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::data::photo::limit::DEFAULT_MEBIBYTES;
pub(crate) use exif::ExifRule;
pub(crate) use model::ModelArguments;

/// What the exit codes mean, for help; README has the same table.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  failed, or some of many inputs did: the last line of stderr says why
    2  the command line is wrong
    3  accuracy fell: a condition of eval or compare is not satisfied
    4  data unusable: a dataset, its photos or predictions are not there or faulty, or one split leaks into another
    5  baseline unusable: not there, no report, or of other pairs, splits or rules
  130  interrupted
  141  nobody reads the results any more (`| head`)";

/// Dense semantic correspondence between two photos.
#[derive(Debug, Parser)]
#[command(name = "lpmflow", version, about, long_about = None, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalArguments,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads the command line and the environment, where an empty variable counts as none.
    ///
    /// # Errors
    /// On a mistake, and for help, which clap counts among errors.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let line: Vec<_> = std::env::args_os().collect();
        let command = taking_negative_numbers(Self::command());
        let (mut command, matches) = environment::matches(command, &line)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// A number below 0 is told what the flag takes, and not taken for a flag.
fn taking_negative_numbers(command: clap::Command) -> clap::Command {
    let takes_values = |flag: &Arg| !flag.is_positional() && flag.get_action().takes_values();
    command
        .mut_args(|flag| {
            let takes_values = takes_values(&flag);
            if takes_values { flag.allow_negative_numbers(true) } else { flag }
        })
        .mut_subcommands(taking_negative_numbers)
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArguments {
    /// Neither progress bars nor log lines
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to colour messages
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
    /// Processor threads [default: as many as this process may use]
    #[arg(long, global = true, env = "LPMFLOW_THREADS", value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
    /// Memory that one photo may take while it is decoded, in MiB
    ///
    /// A photo that needs more is refused before it is decoded, because small files can claim any number of
    /// pixels. Where only the network sees it, a JPEG is decoded at a smaller size instead.
    #[arg(
        long,
        global = true,
        env = "LPMFLOW_PHOTO_MEMORY",
        value_name = "MIB",
        default_value_t = DEFAULT_MEBIBYTES,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub photo_memory: u64,
    /// Where stderr is no terminal: seconds between lines on the progress of long work, 0 for none
    #[arg(
        long,
        global = true,
        env = "LPMFLOW_PROGRESS_EVERY",
        value_name = "SECONDS",
        default_value = "60",
        value_parser = seconds
    )]
    pub progress_every: Duration,
}

impl Command {
    /// Whether it runs a network.
    pub(crate) fn computes(&self) -> bool {
        match self {
            Self::Bench(_)
            | Self::Predict(_)
            | Self::Eval(_)
            | Self::Export(_)
            | Self::Train(_) => true,
            Self::Compare(_) | Self::Datasets(_) | Self::Completions { .. } | Self::Man { .. } => {
                false
            }
        }
    }
}

/// More threads than any machine has processors take minutes to start, and gain nothing.
const MOST_THREADS: usize = 1024;

/// A number of threads.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let threads =
        text.trim().parse().ok().filter(|threads: &NonZeroUsize| threads.get() <= MOST_THREADS);
    threads.ok_or_else(|| format!("threads are a number from 1 to {MOST_THREADS}"))
}

/// A time in seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.trim().parse().ok();
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "seconds are a number from 0".to_owned())
}

/// When to colour messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// In any case
    Always,
    /// Not at all
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Time a model: latency, pairs per second, memory, operations
    Bench(bench::BenchArguments),
    /// Find what corresponds between two photos: flow, warp, matches, keypoints
    Predict(Box<predict::PredictArguments>),
    /// Measure how many keypoints of a dataset are found: PCK under named protocols
    Eval(Box<eval::EvalArguments>),
    /// Compare two evaluation reports, or several as a leaderboard
    Compare(compare::CompareArguments),
    /// Write weights in another form: safetensors, or TorchScript for PyTorch and C++
    Export(export::ExportArguments),
    /// List datasets, check them, or draw a small one
    Datasets(datasets::DatasetsArguments),
    /// Train a model, or train one further
    Train(Box<train::TrainArguments>),
    /// Print shell completions
    Completions {
        /// The shell to complete in
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one for each command
    Man {
        /// The folder to write them to; made if it is absent. `-`: all to stdout
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}
