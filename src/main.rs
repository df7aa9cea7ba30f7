//! Parses the command line, runs the command, prints the error chain.

use std::process::ExitCode;

use clap::Parser;
use lpmflow::{cli::Cli, commands, terminal};

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(outcome) => outcome.into(),
        Err(error) => match error.downcast::<clap::Error>() {
            // A mistake in the flags: clap prints it with the usage and exits with 2.
            Ok(usage) => usage.exit(),
            Err(error) => {
                terminal::print_error(&error);
                ExitCode::FAILURE
            }
        },
    }
}
