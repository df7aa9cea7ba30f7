//! A training run: epochs of steps, validation after each, checkpoints in between.

pub mod clock;
pub mod event;
mod standing;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tch::Device;

use crate::inference::Engine;
use crate::inference::memory::keep_freed_memory;
use crate::nn::parameters::Group;
use crate::train::config::TrainConfig;
use crate::train::folder::checkpoint::{
    Best, Checkpoints, LAST, RunState, Tensors, Totals, load_last,
};
use crate::train::folder::{self, Logs};
use crate::train::init;
use crate::train::optim::schedule::Progress;
use crate::train::optim::step::{Losses, Trainer};
use crate::train::run::clock::Clock;
use crate::train::run::event::{EpochReport, Event, StepReport};
use crate::train::samples::dataset::Parts;
use crate::train::samples::sample::{Sample, TrainingSet};
use crate::train::samples::sampler::Position;
use crate::train::validation::Validation;

/// Features kept during one validation, in bytes.
const CACHE_BYTES: usize = 512 << 20;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done.
    Finished,
    /// The user stopped it; a checkpoint is written.
    Interrupted,
}

/// Who watches a run: hears what happens, and may stop it.
pub struct Watcher<'a> {
    /// Hears what happens.
    pub on_event: &'a mut dyn FnMut(Event),
    /// Whether to save and stop; asked between optimizer steps and between batches of validation.
    pub stop: &'a dyn Fn() -> bool,
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    folder: PathBuf,
    config: TrainConfig,
    trainer: Trainer,
    checkpoints: Checkpoints,
    training: Arc<TrainingSet>,
    validation: Validation,
    origin: String,
    state: RunState,
    logs: Logs,
    device: Device,
}

impl Run {
    /// Begins a run in `folder`. Writes the first checkpoint at once, so that it can be resumed whatever
    /// happens, and a folder that cannot be written is noticed before the first step.
    ///
    /// # Errors
    /// When data or weights cannot be used, or the folder cannot be written or holds a run.
    pub fn begin(folder: &Path, config: TrainConfig, device: Device) -> Result<Self> {
        config.check()?;
        let parts = config.data.open(config.seed)?;
        let initial = config.model.build(config.seed, device)?;
        keep_freed_memory();
        folder::begin(folder, &config)?;
        let model = initial.model.config().clone();
        let checkpoints = Checkpoints::new(folder, model, initial.provenance.clone());
        let origin = initial.provenance.origin.clone();
        let trainer = Trainer::new(initial, &config, device)?;
        let run = Self {
            logs: Logs::open(folder, 0)?,
            folder: folder.to_owned(),
            config,
            trainer,
            checkpoints,
            training: Arc::new(parts.training),
            validation: parts.validation,
            origin,
            state: RunState::default(),
            device,
        };
        run.check()?;
        run.write_last()?;
        Ok(run)
    }

    /// Goes on with the run in `folder`, whose configuration may since have more epochs or other places
    /// of its data.
    ///
    /// # Errors
    /// When there is nothing to resume, or data and checkpoint cannot be used.
    pub fn resume(folder: &Path, config: TrainConfig, device: Device) -> Result<Self> {
        config.check()?;
        let mut checkpoint = load_last(folder)?;
        let Parts { training, validation } = config.data.open(config.seed)?;
        let initial = init::resume(checkpoint.weights, device)?;
        keep_freed_memory();
        let model = initial.model.config().clone();
        let checkpoints = Checkpoints::new(folder, model, initial.provenance.clone());
        let origin = initial.provenance.origin.clone();
        let mut trainer = Trainer::new(initial, &config, device)?;
        let restored = || -> Result<()> {
            if let Some(average) = &mut trainer.ema {
                average.restore(&mut checkpoint.moments)?;
            }
            trainer.optimizer.restore(checkpoint.moments)
        }();
        restored.with_context(|| format!("resuming the run in `{}`", folder.display()))?;
        folder::write_config(folder, &config)?;
        let run = Self {
            logs: Logs::open(folder, checkpoint.state.step)?,
            folder: folder.to_owned(),
            config,
            trainer,
            checkpoints,
            training: Arc::new(training),
            validation,
            origin,
            state: checkpoint.state,
            device,
        };
        run.check()?;
        Ok(run)
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.training.is_empty(), "there is no pair to train on");
        ensure!(!self.validation.is_empty(), "there is no pair to validate with");
        Ok(())
    }

    /// Trains until all epochs are done or the watcher stops it.
    ///
    /// # Errors
    /// When a loss is not finite, a photo cannot be read, or a file not written. The newest checkpoint,
    /// which the error names, still stands.
    pub fn train(&mut self, watcher: &mut Watcher) -> Result<Ending> {
        (watcher.on_event)(Event::Plan(&self.plan()));
        let mut saved = self.state.step;
        self.epochs(&mut saved, watcher).with_context(|| {
            format!(
                "training stopped; the checkpoint of step {saved} in `{}` still stands (--resume {} \
                 goes on from it)",
                self.folder.join(LAST).display(),
                self.folder.display()
            )
        })
    }

    fn epochs(&mut self, saved: &mut u64, watcher: &mut Watcher) -> Result<Ending> {
        let mut clock = Clock::start();
        while self.state.position.epoch < self.config.epochs {
            let finished = self.batches(&mut clock, saved, watcher)? && self.epoch_end(watcher)?;
            self.write_last()?;
            *saved = self.state.step;
            (watcher.on_event)(Event::Saved { path: &self.folder.join(LAST), step: *saved });
            if !finished {
                return Ok(Ending::Interrupted);
            }
        }
        Ok(Ending::Finished)
    }

    /// The rest of the current epoch's steps; false if the watcher stopped them.
    fn batches(
        &mut self,
        clock: &mut Clock,
        saved: &mut u64,
        watcher: &mut Watcher,
    ) -> Result<bool> {
        let Position { epoch, batch } = self.state.position;
        let done = (batch as usize * self.config.batch_size).min(self.training.len());
        (watcher.on_event)(Event::Epoch { epoch, samples: self.training.len(), done });
        let mut loader = self.loader()?;
        clock.pause_over();
        loop {
            if self.state.position.batch >= self.sampler().batches() {
                return Ok(true);
            }
            if (watcher.stop)() {
                return Ok(false);
            }
            let batches: Vec<Vec<Sample>> =
                loader.by_ref().take(self.config.accumulate).collect::<Result<_>>().with_context(
                    || format!("preparing batch {} of epoch {epoch}", self.state.position.batch),
                )?;
            let losses = self.trainer.step(&batches, self.now(), self.state.position.batch)?;
            self.count(&batches, &losses);
            clock.step(batches.iter().map(Vec::len).sum());
            self.report(&losses, clock, watcher)?;
            let at_end = self.state.position.batch >= self.sampler().batches();
            if self.state.step.is_multiple_of(self.config.checkpoint_every) && !at_end {
                self.write_last()?;
                *saved = self.state.step;
            }
        }
    }

    /// Tells of a step, and logs it where it is its turn.
    fn report(&mut self, losses: &Losses, clock: &mut Clock, watcher: &mut Watcher) -> Result<()> {
        let before = Progress { step: self.state.step - 1, ..self.now() };
        let rate = |group| self.config.schedule.learning_rate(self.config.base_rate(group), before);
        let seen = self.state.position.batch as usize * self.config.batch_size;
        let report = StepReport {
            step: self.state.step,
            epoch: self.state.position.epoch,
            loss: losses.total,
            end_point_error: losses.end_point_error,
            contrast: losses.contrast,
            matches: losses.matches,
            distillation_loss: losses.distillation_loss,
            contrastive_weight: self
                .config
                .effective_loss()
                .contrastive_weight(self.state.position.epoch),
            gradient_norm: losses.gradient_norm,
            learning_rate: rate(Group::HEAD),
            backbone_learning_rate: rate(Group::BACKBONE),
            done: seen.min(self.training.len()),
            pairs_per_second: clock.pairs_per_second(),
        };
        if report.step.is_multiple_of(self.config.log_every) {
            let scalars = [
                ("train/loss", report.loss),
                ("train/end_point_error", report.end_point_error),
                ("train/contrast", report.contrast),
                ("train/matches", report.matches),
                ("train/distillation_loss", report.distillation_loss),
                ("train/contrastive_weight", report.contrastive_weight),
                ("train/gradient_norm", report.gradient_norm),
                ("train/pairs_per_second", report.pairs_per_second),
                ("learning_rate/rest", report.learning_rate),
                ("learning_rate/backbone", report.backbone_learning_rate),
            ];
            self.logs.append(report.step, &report, &scalars)?;
        }
        (watcher.on_event)(Event::Step(&report));
        if let Some(time) = clock.estimate(self.steps().saturating_sub(self.state.step)) {
            (watcher.on_event)(Event::Estimate(time));
        }
        Ok(())
    }

    /// Validates, keeps the weights if they are the best, and turns to the next epoch; false if the
    /// watcher stopped the validation.
    fn epoch_end(&mut self, watcher: &mut Watcher) -> Result<bool> {
        (watcher.on_event)(Event::Validation { pairs: self.validation.len() });
        let weights = self.judged_weights();
        let Some(pck) = self.validate(&weights, watcher)? else { return Ok(false) };
        let epoch = self.state.position.epoch;
        let best = self.state.best.is_none_or(|best| pck > best.pck);
        if best {
            self.state.best = Some(Best { epoch, pck });
            self.checkpoints.save_best(&self.state, &weights)?;
        }
        let totals = self.state.totals;
        let mean = |sum: f64| sum / totals.batches.max(1) as f64;
        let report = EpochReport {
            step: self.state.step,
            epoch,
            mean_loss: mean(totals.loss),
            mean_end_point_error: mean(totals.end_point_error),
            mean_contrast: mean(totals.contrast),
            validation_pck: pck,
            best,
        };
        let scalars = [("validation/pck", pck), ("epoch/mean_loss", report.mean_loss)];
        self.logs.append(report.step, &report, &scalars)?;
        (watcher.on_event)(Event::EpochDone(&report));
        self.state.position = Position { epoch: epoch + 1, batch: 0 };
        self.state.totals = Totals::default();
        Ok(true)
    }

    fn validate(&self, weights: &Tensors, watcher: &mut Watcher) -> Result<Option<f64>> {
        let tensors = weights.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
        let config = self.trainer.model().config();
        let mut engine = Engine::of_tensors(tensors.collect(), config, self.device, CACHE_BYTES)?;
        let batch_size = NonZeroUsize::new(self.config.batch_size).unwrap_or(NonZeroUsize::MIN);
        self.validation
            .pck(&mut engine, batch_size, watcher.stop, &mut |done| {
                (watcher.on_event)(Event::ValidationProgress { done });
            })
            .with_context(|| format!("validating epoch {}", self.state.position.epoch))
    }
}
