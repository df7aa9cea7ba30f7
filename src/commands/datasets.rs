//! `lpmflow datasets`: what there is, whether it is sound, and a drawn dataset to try things on.

use anyhow::Result;

use super::Outcome;
use crate::cli::datasets::{
    CheckArguments, DatasetsArguments, DatasetsCommand, ListArguments, MakeToyArguments,
};
use crate::data::catalog::Catalog;
use crate::data::inspect::{inspect, listing};
use crate::data::toy::{ToyOptions, make_toy};
use crate::terminal::Terminal;

/// Runs the command.
///
/// # Errors
/// When the catalog or the dataset cannot be read, or the toy dataset not written.
pub fn run(arguments: &DatasetsArguments, terminal: &Terminal) -> Result<Outcome> {
    match &arguments.command {
        DatasetsCommand::List(arguments) => list(arguments, terminal),
        DatasetsCommand::Check(arguments) => check(arguments, terminal),
        DatasetsCommand::MakeToy(arguments) => toy(arguments, terminal),
    }
}

fn list(arguments: &ListArguments, terminal: &Terminal) -> Result<Outcome> {
    let catalog = Catalog::load(arguments.catalog.datasets.as_deref())?;
    let datasets = listing(&catalog, &arguments.catalog.data_root);
    if arguments.json {
        terminal.json(&datasets)?;
    } else {
        terminal.show_datasets(&datasets, &arguments.catalog.data_root);
    }
    Ok(Outcome::Done)
}

fn check(arguments: &CheckArguments, terminal: &Terminal) -> Result<Outcome> {
    let catalog = Catalog::load(arguments.catalog.datasets.as_deref())?;
    let entry = catalog.get(&arguments.dataset)?;
    let bar = terminal.bar(0);
    let progress = |done: usize, count: usize| {
        bar.set_length(count as u64);
        bar.set_position(done as u64);
    };
    let inspection = inspect(&arguments.dataset, entry, &arguments.catalog.data_root, &progress)?;
    bar.finish_and_clear();
    if arguments.json {
        terminal.json(&inspection)?;
    } else {
        terminal.show_inspection(&inspection);
    }
    Ok(if inspection.is_sound() { Outcome::Done } else { Outcome::PartlyFailed })
}

fn toy(arguments: &MakeToyArguments, terminal: &Terminal) -> Result<Outcome> {
    let options = ToyOptions {
        seed: arguments.seed,
        images: arguments.images as usize,
        pairs: arguments.pairs as usize,
    };
    let toy = make_toy(&arguments.folder, options)?;
    if arguments.json {
        terminal.json(&toy)?;
    } else {
        terminal.show_toy(&toy, &arguments.folder);
    }
    Ok(Outcome::Done)
}
