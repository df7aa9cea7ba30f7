//! `lpmflow datasets fetch`: what is missing is shown, asked about, and fetched.

use anyhow::{Result, anyhow, bail};

use crate::cli::datasets::FetchArguments;
use crate::commands::usage::entry_of;
use crate::commands::{Outcome, usage_error};
use crate::data::catalog::{Catalog, RemoteFile};
use crate::data::completeness::Lack;
use crate::data::load::{Dataset, summary};
use crate::failure::{Blame, Fault};
use crate::fetch::{Plan, fetch};
use crate::terminal::Terminal;
use crate::terminal::fetch::FetchProgress;
use crate::visible::Shown;

/// Runs the command.
///
/// # Errors
/// When the dataset is not known, cannot be fetched, is not whole after that, or the user does not want it.
pub(super) fn run(arguments: &FetchArguments, terminal: &Terminal) -> Result<Outcome> {
    let catalog = Catalog::load(arguments.catalog.datasets.as_deref())?;
    let (name, data_root) = (&arguments.dataset, &arguments.catalog.data_root);
    let entry = entry_of("datasets", &catalog, name)?;
    let dataset = Dataset::new(name, entry, data_root);
    let mut lack = Lack::of(&dataset);
    let mut fetched: Vec<&RemoteFile> = Vec::new();
    loop {
        // A list that came may name what is not there.
        lack.files.retain(|file| !fetched.contains(file));
        let plan = Plan::new(entry, &lack.files, arguments.from.as_deref()).blame(Fault::Data)?;
        if plan.missing.is_empty() {
            break;
        }
        terminal.show_plan(entry, &plan, data_root);
        if !arguments.yes {
            ask(terminal)?;
        }
        let mut progress = FetchProgress::new(terminal);
        fetch(&dataset, &plan, &mut |event| progress.on(event)).blame(Fault::Data)?;
        fetched.extend(lack.files);
        lack = Lack::of(&dataset);
    }
    ensure_whole(&dataset, &lack).blame(Fault::Data)?;
    terminal.show_fetched(entry, name, data_root, fetched.is_empty());
    Ok(Outcome::Done)
}

/// Ensures that the user wants it.
fn ask(terminal: &Terminal) -> Result<()> {
    match terminal.confirm("Download and unpack this?")? {
        Some(true) => Ok(()),
        Some(false) => bail!("nothing was fetched"),
        None => Err(usage_error(
            "datasets",
            "nobody is there to ask: say with --yes that the licence is known and the files are wanted",
        )),
    }
}

/// Ensures that a dataset for which there is nothing more to fetch lacks nothing.
fn ensure_whole(dataset: &Dataset, lack: &Lack) -> Result<()> {
    if lack.problems.is_empty() {
        return Ok(());
    }
    let &Dataset { name, entry, data_root, .. } = dataset;
    Err(anyhow!(
        "{} is not whole in `{}`, and what can be fetched of it does not mend that\n{}\nmove away what cannot be read, and \
         fetch again; what is missing still, get from {}; all that is wrong: lpmflow datasets check {name} --data-root {}",
        entry.title,
        entry.folder(data_root).shown(),
        summary(&lack.problems),
        entry.source,
        data_root.shown()
    ))
}
