//! A training run: epochs of steps, validation after each, checkpoints in between.

pub(crate) mod clock;
mod epoch;
pub(crate) mod event;
mod length;
pub(crate) mod prospect;
pub(crate) mod resumption;
mod standing;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tch::Device;

use crate::inference::FlowNotFinite;
use crate::inference::memory::keep_freed_memory;
use crate::processes::communicator::Communicator;
use crate::train::config::TrainConfig;
use crate::train::folder::checkpoint::{Checkpoints, LAST, tell_standing};
use crate::train::folder::state::RunState;
use crate::train::folder::{self, Logs};
use crate::train::init::{self, InitialModel};
use crate::train::optim::diverged::Diverged;
use crate::train::optim::step::Trainer;
use crate::train::report::{self, RunRecord};
use crate::train::run::event::Event;
use crate::train::run::prospect::Verdict;
use crate::train::run::resumption::{Resumption, recorded};
use crate::train::samples::left_out::Omissions;
use crate::train::samples::training_set::TrainingSet;
use crate::train::validation::Validation;
use crate::visible::Shown;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All epochs are done.
    Finished,
    /// The user stopped it; a checkpoint is written.
    Interrupted,
}

/// Who watches a run: hears what happens, and may stop it.
pub(crate) struct Watcher<'a> {
    /// Hears what happens.
    pub on_event: &'a mut dyn FnMut(Event),
    /// Whether to save and stop; asked between optimizer steps and between batches of validation.
    pub stop: &'a dyn Fn() -> bool,
}

/// A run under way.
#[derive(Debug)]
pub(crate) struct Run {
    folder: PathBuf,
    config: TrainConfig,
    trainer: Trainer,
    communicator: Rc<dyn Communicator>,
    /// What is written, by the first process alone.
    record: Option<Record>,
    training: Arc<TrainingSet>,
    validation: Validation,
    /// What users should know of the data, a sentence each.
    data_notes: Vec<String>,
    omissions: Omissions,
    origin: String,
    notes: Vec<String>,
    changes: Vec<String>,
    state: RunState,
    /// The folders of other runs that the run's page shows beside it.
    beside: Vec<PathBuf>,
    device: Device,
}

/// What is written of a run.
#[derive(Debug)]
struct Record {
    checkpoints: Checkpoints,
    logs: Logs,
    /// On the folder, as long as the run lives.
    _lock: Option<File>,
}

impl Run {
    /// Begins a run in `folder`. Writes the first checkpoint at once, so that it can be resumed whatever
    /// happens, and a folder that cannot be written is noticed before the first step.
    ///
    /// # Errors
    /// When data or weights cannot be used, or the folder cannot be written or holds a run.
    pub(crate) fn begin(
        folder: &Path,
        mut config: TrainConfig,
        device: Device,
        communicator: Rc<dyn Communicator>,
    ) -> Result<Self> {
        if communicator.world_size() > 1 {
            config.processes = communicator.world_size();
        }
        config.check()?;
        let mut parts = config.data.open(config.seed, &[])?;
        let (samples, before) = (parts.training.len(), config.data.repeat);
        length::settle(&mut config, samples);
        parts.training.repeat(config.data.repeat / before);
        let initial = config.model.build(config.seed, device)?;
        keep_freed_memory();
        let model = initial.model.config().clone();
        let settings = recorded(&config, &parts)?;
        ensure_same_start(&*communicator, &settings, &initial)?;
        let provenance = initial.provenance.clone();
        let checkpoints = Checkpoints::new(folder, model, provenance, settings, &*communicator);
        let (origin, notes) = (initial.provenance.origin.clone(), initial.notes.clone());
        let trainer = Trainer::new(initial, &config, device, Rc::clone(&communicator))?;
        let record = || -> Result<Record> {
            let lock = folder::begin(folder, &config)?;
            folder::write_left_out(folder, &parts.omissions.photos)?;
            Ok(Record { checkpoints, logs: Logs::open(folder, 0)?, _lock: lock })
        };
        let record = (communicator.rank() == 0).then(record).transpose()?;
        let run = Self {
            folder: folder.to_owned(),
            config,
            trainer,
            communicator,
            record,
            training: Arc::new(parts.training),
            validation: parts.validation,
            data_notes: parts.notes,
            omissions: parts.omissions,
            origin,
            notes,
            changes: Vec::new(),
            state: RunState::default(),
            beside: Vec::new(),
            device,
        };
        run.check()?;
        run.write_last()?;
        Ok(run)
    }

    /// Goes on with a run.
    ///
    /// # Errors
    /// When its checkpoint cannot be used.
    pub(crate) fn resume(
        resumption: Resumption,
        device: Device,
        communicator: Rc<dyn Communicator>,
    ) -> Result<Self> {
        let Resumption { folder, config, mut checkpoint, parts, changes, lock } = resumption;
        let folder = folder.as_path();
        let settings = recorded(&config, &parts)?;
        let initial = init::resume(checkpoint.weights, device)?;
        keep_freed_memory();
        ensure_same_start(&*communicator, &settings, &initial)?;
        communicator.ensure_same("state", &serde_json::to_string(&checkpoint.state)?)?;
        let (model, provenance) = (initial.model.config().clone(), initial.provenance.clone());
        let checkpoints = Checkpoints::new(folder, model, provenance, settings, &*communicator);
        let (origin, notes) = (initial.provenance.origin.clone(), initial.notes.clone());
        let mut trainer = Trainer::new(initial, &config, device, Rc::clone(&communicator))
            .with_context(|| format!("resuming the run in `{}`", folder.shown()))?;
        let restored = || -> Result<()> {
            if let Some(average) = &mut trainer.ema {
                average.restore(&mut checkpoint.moments)?;
            }
            trainer.optimizer.restore(checkpoint.moments)
        }();
        restored.with_context(|| format!("resuming the run in `{}`", folder.shown()))?;
        tell_standing(&*communicator, folder, checkpoint.state.step);
        // All have read the folder before it changes.
        communicator.barrier()?;
        let record = || -> Result<Record> {
            folder::write_config(folder, &config)?;
            folder::write_left_out(folder, &parts.omissions.photos)?;
            let logs = Logs::open(folder, checkpoint.state.step)?;
            Ok(Record { checkpoints, logs, _lock: lock })
        };
        let record = (communicator.rank() == 0).then(record).transpose()?;
        let run = Self {
            folder: folder.to_owned(),
            config,
            trainer,
            communicator,
            record,
            training: Arc::new(parts.training),
            validation: parts.validation,
            data_notes: parts.notes,
            omissions: parts.omissions,
            origin,
            notes,
            changes: changes.lines,
            state: checkpoint.state,
            beside: Vec::new(),
            device,
        };
        run.check()?;
        Ok(run)
    }

    /// The same, whose page shows other runs beside it.
    ///
    /// # Errors
    /// When one of their folders holds none.
    pub(crate) fn beside(mut self, folders: &[PathBuf]) -> Result<Self> {
        folders.iter().try_for_each(|folder| RunRecord::read(folder).map(drop))?;
        self.beside = folders.to_vec();
        Ok(self)
    }

    fn check(&self) -> Result<()> {
        report::ensure_own(&self.folder)?;
        ensure!(!self.training.is_empty(), "there is no pair to train on");
        ensure!(!self.validation.is_empty(), "there is no pair to validate with");
        Ok(())
    }

    /// Trains until all epochs are done or the watcher stops it.
    ///
    /// # Errors
    /// When a loss is not finite, a photo cannot be read, or a file not written. The newest checkpoint,
    /// which the error names, still stands.
    pub(crate) fn train(&mut self, watcher: &mut Watcher) -> Result<Ending> {
        (watcher.on_event)(Event::Plan(&self.plan()));
        let mut saved = self.state.step;
        let ending = self.epochs(&mut saved, watcher);
        let ending = ending.map_err(|error| {
            let stopped = self.stopped(saved, &error);
            error.context(stopped)
        })?;
        let verdict = Verdict::new(self.state.start, self.state.best);
        if let Some(verdict) = verdict.filter(|_| ending == Ending::Finished) {
            (watcher.on_event)(Event::Verdict(verdict));
        }
        Ok(ending)
    }

    /// What is left of a run that an error stopped after its checkpoint of the step `saved`, and what to do.
    fn stopped(&self, saved: u64, error: &anyhow::Error) -> String {
        let (last, folder) = (self.folder.join(LAST), self.folder.shown());
        let last = last.shown();
        let stands =
            format!("training stopped; the checkpoint of step {saved} in `{last}` still stands");
        if error.chain().any(|cause| cause.is::<Diverged>() || cause.is::<FlowNotFinite>()) {
            format!(
                "{stands}, but --resume would come to the same again: begin another run at a lower \
                 --learning-rate, or with gradient_clip in a --config; `--init {last}` takes those weights"
            )
        } else {
            format!("{stands} (--resume {folder} goes on from it)")
        }
    }
}

/// Whether all processes begin the same: with the same settings, data and weights.
fn ensure_same_start(
    communicator: &dyn Communicator,
    settings: &Value,
    initial: &InitialModel,
) -> Result<()> {
    if communicator.world_size() == 1 {
        return Ok(());
    }
    let mut settings = settings.clone();
    let data = settings["data"].take();
    communicator.ensure_same("settings", &digest([settings.to_string().as_bytes()]))?;
    communicator.ensure_same("data", &digest([data.to_string().as_bytes()]))?;
    let values = initial.parameters.iter().map(|parameter| {
        let tensor = parameter.tensor.detach().to_device(Device::Cpu).flatten(0, -1);
        let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        bytes
    });
    communicator.ensure_same("weights", &digest(values))
}

/// The first digits of a SHA-256.
fn digest(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hash = Sha256::new();
    parts.into_iter().for_each(|part| hash.update(part));
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
