//! The commands: flags become a resolved configuration, one engine function does the work, and the
//! result goes to the terminal. No arithmetic here.

pub(crate) mod bench;
mod compare;
mod datasets;
mod engine;
mod eval;
mod exif;
mod export;
mod interrupt;
mod leaderboard;
mod man;
mod memory;
mod outcome;
mod outside;
#[cfg(test)]
mod own_data;
#[cfg(test)]
mod padded_tests;
mod predict;
mod processes;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod toy_layout;
mod train;
mod usage;

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::data::photo::limit::set_most_mebibytes;
use crate::inference::threads;
use crate::terminal::{self, Terminal};
pub(crate) use outcome::{Outcome, error_code};
pub(crate) use usage::usage_error;

/// The program: parses the command line, runs the command, prints the error chain.
pub fn main() -> ! {
    memory::explain_shortage();
    let outcome = Cli::read().map_err(anyhow::Error::from).and_then(run);
    let code = outcome.map(Outcome::exit_code).or_else(|error| {
        // A mistake in the flags, printed with the usage; or help, which clap counts among errors.
        error.downcast::<clap::Error>().and_then(|usage| terminal::print_usage(&usage))
    });
    terminal::finish(code.unwrap_or_else(|error| {
        terminal::print_error(&error);
        error_code(&error)
    }))
}

/// Runs what the user asked for.
///
/// # Errors
/// Whatever kept the command from its result, as one chain.
pub(crate) fn run(cli: Cli) -> Result<Outcome> {
    threads::set(cli.global.threads)?;
    if cli.command.computes() {
        threads::share()?;
    }
    set_most_mebibytes(cli.global.photo_memory);
    let terminal = Terminal::new(&cli.global);
    let outcome = run_on(cli, &terminal)?;
    terminal.written()?;
    Ok(outcome)
}

/// As [`run`], on a given terminal.
fn run_on(cli: Cli, terminal: &Terminal) -> Result<Outcome> {
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
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lpmflow", &mut script);
            terminal.result(String::from_utf8(script)?.trim_end());
            Ok(Outcome::Done)
        }
    }
}
