//! Mistakes in flags that clap cannot see.

use anyhow::Result;
use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::data::catalog::{Catalog, Entry};

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

/// What the catalog says of a dataset that the line of a `command` names.
///
/// # Errors
/// When it does not hold it.
pub(super) fn entry_of<'a>(command: &str, catalog: &'a Catalog, name: &str) -> Result<&'a Entry> {
    catalog.get(name).map_err(|error| usage_error(command, &format!("{error:#}")))
}
