//! Mistakes in flags that clap cannot see.

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::cli::Cli;

/// A mistake in the flags that only shows beyond clap's own checks: printed with the command's usage,
/// exit code 2.
pub(crate) fn usage_error(command: &str, message: &str) -> anyhow::Error {
    let mut program = Cli::command();
    program.build();
    match program.find_subcommand_mut(command) {
        Some(command) => command.error(ErrorKind::ValueValidation, message),
        None => program.error(ErrorKind::ValueValidation, message),
    }
    .into()
}
