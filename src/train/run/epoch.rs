//! The epochs of a run: steps, then validation, and checkpoints in between.

use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::inference::Engine;
use crate::inference::frame::Input;
use crate::output::Attempts;
use crate::processes::communicator::{Unit, from_first};
use crate::train::folder::checkpoint::Tensors;
use crate::train::folder::state::{Best, RunState, Start, Totals};
use crate::train::optim::schedule::Progress;
use crate::train::optim::step::Losses;
use crate::train::report;
use crate::train::run::clock::Clock;
use crate::train::run::event::{EpochReport, Event, StepReport};
use crate::train::run::{Ending, Run, Watcher};
use crate::train::samples::sample::Sample;
use crate::train::samples::sampler::Position;
use crate::train::validation::{Judged, SamePosition};

/// Features kept during one validation, in bytes.
const CACHE_BYTES: usize = 512 << 20;

impl Run {
    /// All epochs that are left, or as many as the watcher lets pass; `saved` is the step of the newest
    /// checkpoint.
    pub(super) fn epochs(&mut self, saved: &mut u64, watcher: &mut Watcher) -> Result<Ending> {
        if !self.start(watcher)? {
            self.write_last()?;
            return Ok(Ending::Interrupted);
        }
        let mut clock = Clock::start();
        while self.state.position.epoch < self.config.epochs {
            let finished = self.batches(&mut clock, saved, watcher)?
                && self.epoch_end(watcher).map_err(|error| self.kept(error, saved))?;
            self.write_last()?;
            *saved = self.state.step;
            if !finished {
                return Ok(Ending::Interrupted);
            }
        }
        Ok(Ending::Finished)
    }

    /// Validates the weights that the run begins with, so that it is known whether training helps, and keeps
    /// them as the best until it does; false if the watcher stopped that.
    fn start(&mut self, watcher: &mut Watcher) -> Result<bool> {
        if self.state.step > 0 || self.state.start.is_some() {
            return Ok(true);
        }
        (watcher.on_event)(Event::Validation { pairs: self.validation.len() });
        let weights = self.judged_weights();
        let mut judged = None;
        let judge = || {
            judged = self.validate(&weights, watcher)?;
            let Some(judged) = &judged else { return Ok(None) };
            let config = self.trainer.model().config();
            let mut nothing = SamePosition(Input::of(config));
            let batch = NonZeroUsize::MIN;
            let same_position =
                self.validation.judge(&mut nothing, batch, watcher.stop, &mut |_| ())?;
            Ok(same_position.map(|same_position| [judged.pck, same_position.pck]))
        };
        let scores = from_first(&*self.communicator, judge)?;
        let Some([pck, same_position]) = scores else { return Ok(false) };
        let start = Start { pck, same_position };
        let best = Some(Best { epoch: None, pck });
        let begun = RunState { start: Some(start), best, ..self.state.clone() };
        self.save_best(&begun, &weights)?;
        self.state = begun;
        self.write_last()?;
        let line = json!({
            "step": 0,
            "start_pck": pck,
            "same_position_pck": same_position,
            "score": self.validation.title(),
        });
        self.log(0, &line, &[("validation/pck".to_owned(), pck)])?;
        self.show(judged.as_ref())?;
        (watcher.on_event)(Event::Start(start));
        Ok(true)
    }

    /// The rest of the current epoch's steps; false if the watcher stopped them.
    fn batches(
        &mut self,
        clock: &mut Clock,
        saved: &mut u64,
        watcher: &mut Watcher,
    ) -> Result<bool> {
        let Position { epoch, batch } = self.state.position;
        let done = (batch as usize * self.config.whole_batch()).min(self.training.len());
        (watcher.on_event)(Event::Epoch { epoch, samples: self.training.len(), done });
        let mut loader = self.loader()?;
        clock.pause_over();
        loop {
            if self.state.position.batch >= self.sampler().batches() {
                self.communicator.at_rest();
                return Ok(true);
            }
            if self.asked_to_stop(watcher)? {
                return Ok(false);
            }
            let batches: Vec<Vec<Sample>> = loader
                .by_ref()
                .take(self.config.accumulate)
                .collect::<Result<_>>()
                .with_context(|| {
                    let batch = self.state.position.batch;
                    format!("preparing batch {batch} of epoch {epoch}{}", self.way_out())
                })
                .map_err(|error| self.kept(error, saved))?;
            let losses = self.trainer.step(&batches, self.now())?;
            let before = self.seen();
            self.count(&batches, &losses);
            clock.step(self.seen() - before);
            self.communicator.advance(Unit::Step(self.state.step));
            self.report(losses, clock, watcher).map_err(|error| self.kept(error, saved))?;
            let at_end = self.state.position.batch >= self.sampler().batches();
            if self.state.step.is_multiple_of(self.config.checkpoint_every) && !at_end {
                self.write_last()?;
                *saved = self.state.step;
            }
        }
    }

    /// The weights are sound though something beside them failed: they are kept, if they can be, so that nothing
    /// of the training is lost.
    fn kept(&self, error: anyhow::Error, saved: &mut u64) -> anyhow::Error {
        if self.state.step == *saved || self.record.is_none() {
            return error;
        }
        match self.write_last() {
            Ok(()) => {
                *saved = self.state.step;
                error
            }
            Err(unwritten) => {
                let mut attempts = Attempts::default();
                attempts.record(Err(error));
                attempts.record(Err(unwritten));
                attempts.conclude().expect_err("both failed")
            }
        }
    }

    /// Tells of a step, and logs it where it is its turn.
    fn report(&mut self, losses: Losses, clock: &mut Clock, watcher: &mut Watcher) -> Result<()> {
        let before = Progress { step: self.state.step - 1, ..self.now() };
        let rate = |group| {
            let base = self.config.base_rate(group);
            (group, self.config.schedule.learning_rate(base, before))
        };
        let several = self.communicator.world_size() > 1;
        let report = StepReport {
            step: self.state.step,
            epoch: self.state.position.epoch,
            losses,
            learning_rates: self.groups().into_iter().map(rate).collect(),
            done: self.seen(),
            pairs_per_second: clock.pairs_per_second(),
            reduction_seconds: several.then(|| self.trainer.reduction_time().as_secs_f64()),
        };
        if report.step.is_multiple_of(self.config.log_every) {
            self.log(report.step, &report.line(), &report.scalars())?;
            clock.line();
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
        let mut judged = None;
        let judge = || {
            judged = self.validate(&weights, watcher)?;
            Ok(judged.as_ref().map(|judged| [judged.pck]))
        };
        let scores = from_first(&*self.communicator, judge)?;
        let Some([pck]) = scores else { return Ok(false) };
        let epoch = self.state.position.epoch;
        let best = self.state.best.is_none_or(|best| pck > best.pck);
        // In force once all is written: a run that is resumed after a failure validates once more.
        let mut after = self.state.clone();
        if best {
            after.best = Some(Best { epoch: Some(epoch), pck });
            self.save_best(&after, &weights)?;
        }
        let report = EpochReport {
            step: self.state.step,
            epoch,
            mean_loss: self.state.totals.mean_loss(),
            means: self.state.totals.mean_terms(),
            validation_pck: pck,
            best,
        };
        self.log(report.step, &report.line(), &report.scalars())?;
        self.show(judged.as_ref())?;
        (watcher.on_event)(Event::EpochDone(&report));
        self.state = after;
        self.state.position = Position { epoch: epoch + 1, batch: 0 };
        self.state.totals = Totals::default();
        Ok(true)
    }

    /// Pictures of what validation found, and the run's page, of the process that writes.
    fn show(&mut self, judged: Option<&Judged>) -> Result<()> {
        let (Some(judged), Some(record)) = (judged, &mut self.record) else { return Ok(()) };
        let config = self.trainer.model().config();
        let input = Input::of(config);
        let pictures = self.validation.pictures(judged, input)?;
        record.logs.pictures(self.state.step, &pictures)?;
        report::write(&self.folder, &self.beside)?;
        Ok(())
    }

    /// Samples of the current epoch that all processes have seen.
    fn seen(&self) -> usize {
        let seen = self.state.position.batch as usize * self.config.whole_batch();
        seen.min(self.training.len())
    }

    /// Keeps weights as the best, if this is the process that writes.
    fn save_best(&self, state: &RunState, weights: &Tensors) -> Result<()> {
        let Some(record) = &self.record else { return Ok(()) };
        record.checkpoints.save_best(state, weights)
    }

    /// Writes a line of metrics, if this is the process that does.
    fn log(&mut self, step: u64, line: &Value, scalars: &[(String, f64)]) -> Result<()> {
        let Some(record) = &mut self.record else { return Ok(()) };
        record.logs.append(step, line, scalars)
    }

    fn validate(&self, weights: &Tensors, watcher: &mut Watcher) -> Result<Option<Judged>> {
        let tensors = weights.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
        let config = self.trainer.model().config();
        let mut engine = Engine::of_tensors(tensors.collect(), config, self.device, CACHE_BYTES)?;
        let batch_size = NonZeroUsize::new(self.config.batch_size).unwrap_or(NonZeroUsize::MIN);
        self.validation
            .judge(&mut engine, batch_size, watcher.stop, &mut |done| {
                self.communicator.advance(Unit::Validation);
                (watcher.on_event)(Event::ValidationProgress { done });
            })
            .inspect(|_| self.communicator.at_rest())
            .with_context(|| {
                format!("validating epoch {}{}", self.state.position.epoch, self.way_out())
            })
    }

    /// What to do about a photo that stops the run.
    fn way_out(&self) -> &'static str {
        if self.config.data.skip_bad {
            ""
        } else {
            " (with --skip-bad, photos that cannot be decoded are left out)"
        }
    }
}
