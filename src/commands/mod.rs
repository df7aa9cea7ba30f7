//! The commands: flags become a resolved configuration, one engine function does the work, and the
//! result goes to the terminal. No arithmetic here.

pub mod bench;
mod compare;
mod datasets;
mod engine;
mod eval;
mod export;
mod interrupt;
mod man;
#[cfg(test)]
mod padded_tests;
mod predict;
#[cfg(test)]
pub(crate) mod testing;
mod train;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command};
use crate::terminal::Terminal;

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well: exit code 0.
    Done,
    /// Done, but some of the inputs failed and were reported one by one: exit code 1.
    PartlyFailed,
    /// Accuracy fell by more than allowed: exit code 3.
    Regression,
    /// Stopped by the user: exit code 130.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::PartlyFailed => 1,
            Outcome::Regression => 3,
            Outcome::Interrupted => 130,
        })
    }
}

/// Runs what the user asked for.
///
/// # Errors
/// Whatever kept the command from its result, as one chain.
pub fn run(cli: Cli) -> Result<Outcome> {
    let terminal = Terminal::new(&cli.global);
    run_on(cli, &terminal)
}

/// As [`run`], on a given terminal.
fn run_on(cli: Cli, terminal: &Terminal) -> Result<Outcome> {
    if let Some(threads) = cli.global.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global()
            .context("starting the worker threads")?;
        tch::set_num_threads(i32::try_from(threads.get()).context("--threads is too large")?);
    }
    match cli.command {
        Command::Eval(arguments) => eval::run(&arguments, terminal),
        Command::Compare(arguments) => compare::run(&arguments, terminal),
        Command::Bench(arguments) => bench::run(&arguments, terminal),
        Command::Predict(arguments) => predict::run(&arguments, terminal),
        Command::Datasets(arguments) => datasets::run(&arguments, terminal),
        Command::Train(arguments) => train::run(&arguments, terminal),
        Command::Man { folder } => man::run(&folder, terminal),
        Command::Export(arguments) => export::run(&arguments, terminal),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "lpmflow", &mut std::io::stdout());
            Ok(Outcome::Done)
        }
    }
}

/// A mistake in the flags that only shows beyond clap's own checks: printed with the command's usage,
/// exit code 2.
fn usage_error(command: &str, message: &str) -> anyhow::Error {
    let mut program = Cli::command();
    program.build();
    match program.find_subcommand_mut(command) {
        Some(command) => command.error(ErrorKind::ValueValidation, message),
        None => program.error(ErrorKind::ValueValidation, message),
    }
    .into()
}
