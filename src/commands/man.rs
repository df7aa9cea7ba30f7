//! `lpmflow man`: one manual page a command, from the same definitions as the help.

use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::commands::Outcome;
use crate::output::{self, Attempts, leftovers};
use crate::terminal::Terminal;
use crate::visible::Shown;

/// Writes `lpmflow.1`, `lpmflow-predict.1`, ... into a folder, made if it is absent; or all to stdout if it is
/// called `-`.
///
/// # Errors
/// When a page cannot be written; the others are then written all the same.
pub(super) fn run(folder: &Path, terminal: &Terminal) -> Result<Outcome> {
    let pages = pages();
    if folder == Path::new("-") {
        let mut text = Vec::new();
        pages.iter().try_for_each(|page| page.render(&mut text))?;
        terminal.result(String::from_utf8(text)?.trim_end());
        return Ok(Outcome::Done);
    }
    output::make_folder(folder)
        .with_context(|| format!("making the folder `{}`", folder.shown()))?;
    leftovers::clear(folder);
    let mut attempts = Attempts::default();
    for page in &pages {
        let path = folder.join(page.get_filename());
        attempts.record(output::write(&path, |file| Ok(page.render(file)?)));
    }
    attempts.conclude()?;
    terminal.log(&format!("manual pages are in `{}`", folder.shown()));
    Ok(Outcome::Done)
}

/// A page for every command.
fn pages() -> Vec<Man> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut commands = vec![command];
    let mut pages = Vec::new();
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned());
        pages.push(Man::new(command));
    }
    pages
}
