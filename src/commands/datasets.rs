//! `lpmflow datasets`: what there is, whether it is sound, and datasets of our own making.

mod fetch;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::datasets::{
    CheckArguments, DatasetsArguments, DatasetsCommand, ExportPairsArguments, ListArguments,
    MakeCutoutsArguments, MakeToyArguments,
};
use crate::commands::Outcome;
use crate::commands::outside::ensure_outside;
use crate::commands::usage::entry_of;
use crate::data::catalog::Catalog;
use crate::data::inspect::{inspect, listing};
use crate::data::load::Dataset;
use crate::eval::questions;
use crate::eval::task::{Task, Wanted};
use crate::failure::{Blame, Fault};
use crate::output::{self, Stdout};
use crate::spelling::counted;
use crate::synth::cutouts::{self, CutoutOptions, make_cutouts};
use crate::synth::rendered::Rendered;
use crate::synth::toy::{self, ToyOptions, make_toy};
use crate::terminal::Terminal;
use crate::visible::Shown;

/// Runs the command.
///
/// # Errors
/// When the catalog or the dataset cannot be read, or a dataset of our own not written.
pub(super) fn run(arguments: &DatasetsArguments, terminal: &Terminal) -> Result<Outcome> {
    match &arguments.command {
        DatasetsCommand::List(arguments) => list(arguments, terminal),
        DatasetsCommand::Fetch(arguments) => fetch::run(arguments, terminal),
        DatasetsCommand::Check(arguments) => check(arguments, terminal),
        DatasetsCommand::ExportPairs(arguments) => export_pairs(arguments, terminal),
        DatasetsCommand::MakeToy(arguments) => draw_toy(arguments, terminal),
        DatasetsCommand::MakeCutouts(arguments) => composite(arguments, terminal),
    }
}

fn list(arguments: &ListArguments, terminal: &Terminal) -> Result<Outcome> {
    let catalog = Catalog::load(arguments.catalog.datasets.as_deref())?;
    arguments.names.iter().try_for_each(|name| entry_of("datasets", &catalog, name).map(drop))?;
    let mut datasets = listing(&catalog, &arguments.catalog.data_root);
    datasets
        .retain(|dataset| arguments.names.is_empty() || arguments.names.contains(&dataset.name));
    if arguments.json {
        terminal.json(&datasets)?;
    } else if !arguments.names.is_empty() {
        datasets.iter().for_each(|dataset| terminal.describe_dataset(dataset));
    } else {
        terminal.show_datasets(&datasets, &arguments.catalog.data_root);
    }
    Ok(Outcome::Done)
}

fn check(arguments: &CheckArguments, terminal: &Terminal) -> Result<Outcome> {
    let catalog = Catalog::load(arguments.catalog.datasets.as_deref())?;
    let entry = entry_of("datasets", &catalog, &arguments.dataset)?;
    let (name, data_root) = (&arguments.dataset, &arguments.catalog.data_root);
    let dataset = Dataset { name, entry, data_root, exif: arguments.exif.into() };
    let inspection =
        watched("checking", terminal, |watch| inspect(&dataset, watch)).blame(Fault::Data)?;
    if arguments.json {
        terminal.json(&inspection)?;
    } else {
        terminal.show_inspection(&inspection);
    }
    Ok(match inspection.is_sound() {
        false => Outcome::UnusableData,
        true if arguments.fail_on_leaks && inspection.leaks() => Outcome::UnusableData,
        true => Outcome::Done,
    })
}

fn export_pairs(arguments: &ExportPairsArguments, terminal: &Terminal) -> Result<Outcome> {
    let catalog = Catalog::load(arguments.catalog.datasets.as_deref())?;
    entry_of("datasets", &catalog, &arguments.dataset)?;
    let wanted = Wanted {
        dataset: &arguments.dataset,
        data_root: &arguments.catalog.data_root,
        split: arguments.split.as_deref(),
        categories: &arguments.category,
        limit: arguments.limit.map(NonZeroUsize::get),
        protocols: arguments.protocol.as_slice(),
        alphas: &[],
        skip_bad: arguments.skip_bad,
        exif: arguments.exif.into(),
    };
    let task = Task::new(&catalog, &wanted)?;
    task.warnings.iter().chain(&task.notes).for_each(|warning| terminal.warn(warning));
    let output = arguments.output.as_path();
    let inputs: Vec<PathBuf> =
        arguments.catalog.datasets.iter().cloned().chain(task.split.files()).collect();
    if output::check([output], inputs.iter().map(PathBuf::as_path))? == Stdout::Taken {
        terminal.yield_stdout();
    }
    ensure_outside(output, task.root())?;
    questions::write(output, &task.pairs)?;
    terminal.log(&format!(
        "wrote `{}`: {} of {} {}",
        output.shown(),
        counted(task.pairs.len(), "pair"),
        task.split.dataset,
        task.split.name
    ));
    Ok(Outcome::Done)
}

fn draw_toy(arguments: &MakeToyArguments, terminal: &Terminal) -> Result<Outcome> {
    let options = ToyOptions {
        seed: arguments.seed,
        images: arguments.images as usize,
        pairs: arguments.pairs as usize,
    };
    let written =
        watched("drawing", terminal, |watch| make_toy(&arguments.folder, options, watch))?;
    tell(&written, toy::NAME, &arguments.folder, arguments.json, terminal)
}

fn composite(arguments: &MakeCutoutsArguments, terminal: &Terminal) -> Result<Outcome> {
    let options = CutoutOptions {
        seed: arguments.seed,
        annotations: arguments.annotations.clone(),
        cutouts: arguments.cutouts.clone(),
        backgrounds: arguments.backgrounds.clone(),
        others: arguments.others.clone(),
        renderings: arguments.renderings as usize,
        pairs: arguments.pairs as usize,
    };
    let written =
        watched("compositing", terminal, |watch| make_cutouts(&arguments.folder, &options, watch))?;
    tell(&written, cutouts::NAME, &arguments.folder, arguments.json, terminal)
}

/// Does something with photos that tells how many of how many are done.
fn watched<T>(
    work: &'static str,
    terminal: &Terminal,
    act: impl FnOnce(&(dyn Fn(usize, usize) + Sync)) -> T,
) -> T {
    let template = "{bar:30} {pos}/{len} photos{pace}";
    let progress = terminal.progress((work, "photos"), 0, template);
    act(&|done, count| {
        progress.set_length(count as u64);
        progress.set_position(done as u64);
    })
}

fn tell(
    written: &Rendered,
    name: &str,
    data_root: &Path,
    json: bool,
    terminal: &Terminal,
) -> Result<Outcome> {
    if json {
        terminal.json(written)?;
    } else {
        terminal.show_rendered(written, name, data_root);
    }
    Ok(Outcome::Done)
}
