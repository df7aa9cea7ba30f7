//! `lpmflow train`: flags become a configuration, the run does the work, the terminal shows it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf, absolute};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, bail, ensure};

use crate::cli::train::{DataArguments, RecipeArguments, TrainArguments, TrainedModelArguments};
use crate::commands::interrupt::stop_on_interrupt;
use crate::commands::processes::{self, Processes, Sharing};
use crate::commands::usage::entry_of;
use crate::commands::{Outcome, engine, usage_error};
use crate::data::catalog::Catalog;
use crate::data::photo::orientation::Exif;
use crate::inference::precision::Precision;
use crate::inference::{Kernels, prepare_device};
use crate::terminal::Terminal;
use crate::terminal::train::TrainingDisplay;
use crate::train::config::TrainConfig;
use crate::train::config::file::ConfigFile;
use crate::train::folder::{CONFIG, check, read_config};
use crate::train::report::{self, RunRecord};
use crate::train::run::resumption::{Changes, Resumption};
use crate::train::run::{Ending, Run, Watcher};
use crate::visible::Shown;

/// Runs the command.
///
/// # Errors
/// Whatever kept it from its result.
pub(super) fn run(arguments: &TrainArguments, terminal: &Terminal) -> Result<Outcome> {
    let sharing = Sharing::new("train", arguments.processes);
    processes::run(sharing, terminal, |processes, terminal| train(arguments, processes, terminal))
}

fn train(
    arguments: &TrainArguments,
    processes: &Processes,
    terminal: &Terminal,
) -> Result<Outcome> {
    if arguments.precision == Precision::Float16 {
        bail!("training in float16 would lose small gradients: choose --precision bfloat16");
    }
    if let Some(folder) = &arguments.report {
        return report(folder, &arguments.beside, terminal);
    }
    let stopped = stop_on_interrupt()?;
    let device = processes.device(&arguments.device);
    let device = || prepare_device(&device, arguments.precision, Kernels::Libtorch);
    let communicator = || Rc::clone(&processes.communicator);
    let (folder, mut run) = match (&arguments.output, &arguments.resume) {
        (_, Some(folder)) => {
            let resumption = resumption(folder, arguments, processes, terminal)?;
            (folder, Run::resume(resumption, device()?, communicator())?)
        }
        (Some(folder), None) => {
            let config = fresh_config(arguments, terminal)?;
            if processes.is_first() {
                check(folder, &inputs(arguments, &config))?;
            }
            announce(&config, terminal);
            (folder, Run::begin(folder, config, device()?, communicator())?)
        }
        (None, None) => return Err(usage_error("train", "give --output DIR, or --resume DIR")),
    };
    run = run.beside(&arguments.beside)?;
    let mut display = TrainingDisplay::new(terminal, folder, arguments.watch);
    let ending = run.train(&mut Watcher {
        on_event: &mut |event| display.on(&event),
        stop: &|| stopped.load(Ordering::Relaxed),
    })?;
    display.end(ending);
    Ok(match ending {
        Ending::Finished => Outcome::Done,
        Ending::Interrupted => Outcome::Interrupted,
    })
}

/// Shows how a run goes or went.
fn report(folder: &Path, beside: &[PathBuf], terminal: &Terminal) -> Result<Outcome> {
    let run = RunRecord::read(folder)?;
    let page = report::write(folder, beside)?;
    terminal.show_run(&run.history);
    terminal.log(&format!("wrote `{}`", page.shown()));
    Ok(Outcome::Done)
}

/// The files that are read, as far as a run could overwrite them.
fn inputs(arguments: &TrainArguments, config: &TrainConfig) -> Vec<PathBuf> {
    let named = arguments.config.iter().chain(&config.data.datasets).cloned();
    let begins_with = config.model.init.iter().chain(&config.model.backbone);
    let begins_with = begins_with.filter(|_| arguments.resume.is_none());
    // What is not there is told where it is read.
    named.chain(begins_with.flat_map(|file| engine::file(file).unwrap_or_default())).collect()
}

/// The settings of a file; what its author should know goes to the terminal.
fn read_settings(file: &Path, terminal: &Terminal) -> Result<TrainConfig> {
    let ConfigFile { config, notes } = read_config(file)?;
    notes.iter().for_each(|note| terminal.log(&format!("note: `{}`: {note}", file.shown())));
    Ok(config)
}

fn fresh_config(arguments: &TrainArguments, terminal: &Terminal) -> Result<TrainConfig> {
    let mut config = match &arguments.config {
        Some(file) => read_settings(file, terminal)?,
        None if arguments.data.photos.is_some() => {
            let TrainedModelArguments { model, init, backbone, .. } = &arguments.model;
            // A file is never one of the names that the recipe is for.
            let init = init.as_ref().or(backbone.as_ref());
            let init = init.map(|init| init.to_str().unwrap_or_default());
            TrainConfig::for_photos(model.as_deref(), init)
        }
        None => TrainConfig::default(),
    };
    apply(arguments, &mut config)?;
    config.check().context("using the training settings")?;
    if config.data.dataset.is_none() && config.data.photos.is_none() {
        let message = "nothing to train on: give --dataset NAME or --photos DIR";
        return Err(usage_error("train", message));
    }
    if let Some(name) = &arguments.data.dataset {
        entry_of("train", &Catalog::load(config.data.datasets.as_deref())?, name)?;
    }
    Ok(config)
}

/// The run with its own settings, but for those that may change.
fn resumption(
    folder: &Path,
    arguments: &TrainArguments,
    processes: &Processes,
    terminal: &Terminal,
) -> Result<Resumption> {
    ensure!(
        folder.join(CONFIG).is_file(),
        "resuming the run in `{}`: it is no run folder, as it holds no {CONFIG}",
        folder.shown()
    );
    let own = read_settings(&folder.join(CONFIG), terminal)
        .with_context(|| format!("resuming the run in `{}`", folder.shown()))?;
    let mut wanted = own.clone();
    apply(arguments, &mut wanted)?;
    let mut resumed = own.clone();
    if arguments.allow_changes {
        resumed = TrainConfig { model: resumed.model, steps: None, ..wanted.clone() };
    }
    resumed.epochs = wanted.epochs;
    resumed.data.data_root = wanted.data.data_root.clone();
    resumed.data.datasets = wanted.data.datasets.clone();
    resumed.data.photos = wanted.data.photos.clone();
    resumed.data.skip_bad = wanted.data.skip_bad;
    if resumed != wanted {
        let message = "a run goes on with its own settings: with --resume, only --epochs, --skip-bad and \
                       the places of its data may differ (flags and LPMFLOW_... variables alike); with \
                       --allow-changes, all but the model";
        return Err(usage_error("train", message));
    }
    if processes.is_first() {
        check(folder, &inputs(arguments, &resumed))?;
    }
    announce(&resumed, terminal);
    let resumption = Resumption::open(folder, &own, resumed, &*processes.communicator)?;
    let Changes { lines, contradict_past } = &resumption.changes;
    if *contradict_past && !arguments.allow_changes {
        let (folder, lines) = (folder.shown(), lines.join("\n  "));
        let message = format!(
            "resuming the run in `{folder}` so would contradict the steps that are done:\n  {lines}\n\
             Leave it as it was; or begin a run of its own with these weights (--init \
             {folder}/last.safetensors --output DIR); or accept it (--allow-changes)"
        );
        return Err(usage_error("train", &message));
    }
    Ok(resumption)
}

/// Says what takes its time before a run begins.
fn announce(config: &TrainConfig, terminal: &Terminal) {
    if config.data.skip_bad {
        terminal.log("decoding every photo once, to leave out those that cannot be");
    }
}

/// Flags and environment take the place of what the configuration says.
fn apply(arguments: &TrainArguments, config: &mut TrainConfig) -> Result<()> {
    let TrainArguments { data, model, recipe, .. } = arguments;
    apply_data(data, config)?;
    apply_model(model, config)?;
    apply_recipe(recipe, config);
    config.mixed_precision |= arguments.precision == Precision::Bfloat16;
    Ok(())
}

fn apply_data(arguments: &DataArguments, config: &mut TrainConfig) -> Result<()> {
    let data = &mut config.data;
    if let Some(name) = &arguments.dataset {
        data.dataset = Some(name.clone());
        data.photos = None;
    }
    if let Some(folder) = &arguments.photos {
        data.photos = Some(folder.clone());
        data.dataset = None;
    }
    replace(&mut data.data_root, arguments.data_root.as_ref());
    if arguments.datasets.is_some() {
        data.datasets = arguments.datasets.clone();
    }
    replace(&mut data.validation_pairs, arguments.validation_pairs.as_ref());
    data.skip_bad |= arguments.skip_bad;
    replace(&mut data.exif, arguments.exif.map(Exif::from).as_ref());
    // A run may be resumed from another folder.
    let optional = [&mut data.photos, &mut data.datasets].into_iter().flatten();
    optional.chain([&mut data.data_root]).try_for_each(make_absolute)
}

fn apply_model(arguments: &TrainedModelArguments, config: &mut TrainConfig) -> Result<()> {
    let model = &mut config.model;
    replace(&mut model.preset, arguments.model.as_ref());
    if arguments.init.is_some() || arguments.backbone.is_some() {
        model.init = arguments.init.clone();
        model.backbone = arguments.backbone.clone();
        model.dictionary = arguments.dictionary.clone();
    }
    model.input_size = arguments.input_size.map(NonZeroUsize::get).or(model.input_size);
    if !arguments.settings.is_empty() {
        model.set = arguments.settings.clone();
    }
    if !arguments.ablate.is_empty() {
        model.ablate = arguments.ablate.clone();
    }
    // A name of weights stays a name.
    let begins_with = model.init.iter_mut().chain(&mut model.backbone);
    begins_with.filter(|file| file.exists()).try_for_each(make_absolute)
}

fn apply_recipe(arguments: &RecipeArguments, config: &mut TrainConfig) {
    if let Some(epochs) = arguments.epochs {
        config.epochs = epochs;
        config.steps = None;
    }
    config.steps = arguments.steps.or(config.steps);
    replace(&mut config.batch_size, arguments.batch_size.map(NonZeroUsize::get).as_ref());
    replace(&mut config.gradient_transfer, arguments.gradient_transfer.as_ref());
    replace(&mut config.accumulate, arguments.accumulate.map(NonZeroUsize::get).as_ref());
    replace(&mut config.learning_rate, arguments.learning_rate.as_ref());
    replace(&mut config.backbone_learning_rate, arguments.backbone_rate.as_ref());
    replace(&mut config.seed, arguments.seed.as_ref());
    replace(&mut config.checkpoint_every, arguments.checkpoint_every.as_ref());
    config.checkpoint_activations |= arguments.checkpoint_activations;
    if arguments.freeze_backbone {
        config.backbone_learning_rate = 0.0;
    }
    if arguments.no_augmentation {
        config.augmentation.enabled = false;
    }
}

fn replace<T: Clone>(setting: &mut T, given: Option<&T>) {
    if let Some(given) = given {
        setting.clone_from(given);
    }
}

fn make_absolute(path: &mut PathBuf) -> Result<()> {
    *path = absolute(&*path).with_context(|| format!("locating `{}`", path.shown()))?;
    Ok(())
}

#[cfg(test)]
mod tests;
