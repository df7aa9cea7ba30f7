//! `lpmflow datasets fetch`: what is missing is shown, asked about, and fetched.

use anyhow::{Result, bail};

use crate::cli::datasets::FetchArguments;
use crate::commands::{Outcome, usage_error};
use crate::data::catalog::Catalog;
use crate::failure::{Blame, Fault};
use crate::fetch::{Plan, fetch};
use crate::terminal::Terminal;
use crate::terminal::fetch::FetchProgress;

/// Runs the command.
///
/// # Errors
/// When the dataset is not known, cannot be fetched, or the user does not want it.
pub(super) fn run(arguments: &FetchArguments, terminal: &Terminal) -> Result<Outcome> {
    let catalog = Catalog::load(arguments.catalog.datasets.as_deref())?;
    let (name, data_root) = (&arguments.dataset, &arguments.catalog.data_root);
    let entry = catalog.get(name).blame(Fault::Data)?;
    let plan = Plan::new(entry, data_root, arguments.from.as_deref()).blame(Fault::Data)?;
    if plan.missing.is_empty() {
        terminal.show_fetched(entry, name, data_root, true);
        return Ok(Outcome::Done);
    }
    terminal.show_plan(entry, &plan, data_root);
    if !arguments.yes {
        match terminal.confirm("Download and unpack this?")? {
            Some(true) => {}
            Some(false) => bail!("nothing was fetched"),
            None => {
                return Err(usage_error(
                    "datasets",
                    "nobody is there to ask: say with --yes that the licence is known and the files are wanted",
                ));
            }
        }
    }
    let mut progress = FetchProgress::new(terminal);
    fetch(entry, data_root, &plan, &mut |event| progress.on(event)).blame(Fault::Data)?;
    drop(progress);
    terminal.show_fetched(entry, name, data_root, false);
    Ok(Outcome::Done)
}
