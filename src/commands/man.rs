//! `lpmflow man`: one manual page a command, from the same definitions as the help.

use std::path::Path;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::atomic;
use crate::cli::Cli;
use crate::commands::Outcome;
use crate::terminal::Terminal;

/// Writes `lpmflow.1`, `lpmflow-predict.1`, ... into a folder, made if it is absent.
///
/// # Errors
/// When a page cannot be written.
pub(super) fn run(folder: &Path, terminal: &Terminal) -> Result<Outcome> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("making the folder `{}`", folder.display()))?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut commands = vec![command];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned());
        write_page(folder, command)?;
    }
    terminal.log(&format!("manual pages are in `{}`", folder.display()));
    Ok(Outcome::Done)
}

fn write_page(folder: &Path, command: Command) -> Result<()> {
    let page = Man::new(command);
    atomic::write(&folder.join(page.get_filename()), |file| Ok(page.render(file)?))
}
