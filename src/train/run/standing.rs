//! Where a run stands, and what follows from it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;

use crate::nn::parameters::{Group, Parameter};
use crate::processes::communicator::sum_over_processes;
use crate::processes::shards::Shard;
use crate::train::config::TrainConfig;
use crate::train::folder::checkpoint::{Tensors, tell_standing};
use crate::train::folder::state::RunState;
use crate::train::optim::schedule::Progress;
use crate::train::optim::step::Losses;
use crate::train::run::event::{Parameters, Plan};
use crate::train::run::prospect::Reach;
use crate::train::run::{Run, Watcher};
use crate::train::samples::loader::{self, Loader};
use crate::train::samples::sample::Sample;
use crate::train::samples::sampler::Sampler;
use crate::train::samples::settings::SampleSettings;
use crate::train::samples::training_set::TrainingSet;

impl Run {
    /// The weights that validation judges: their average, if one is kept.
    pub(super) fn judged_weights(&self) -> Tensors {
        match &self.trainer.ema {
            Some(average) => average.weights(),
            None => self.live_weights(),
        }
    }

    pub(super) fn live_weights(&self) -> Tensors {
        let named = |v: &Parameter| (v.name.clone(), v.tensor.shallow_clone());
        self.trainer.parameters().iter().map(named).collect()
    }

    /// Writes a checkpoint, if this is the process that does.
    pub(super) fn write_last(&self) -> Result<()> {
        let Some(record) = &self.record else { return Ok(()) };
        let mut moments = self.trainer.optimizer.state();
        if let Some(average) = &self.trainer.ema {
            moments.extend(average.state());
        }
        record.checkpoints.save_last(&self.state, &self.live_weights(), &moments)?;
        tell_standing(&*self.communicator, &self.folder, self.state.step);
        Ok(())
    }

    pub(super) fn sampler(&self) -> Sampler {
        let batch_size = self.config.whole_batch();
        Sampler { seed: self.config.seed, samples: self.training.len(), batch_size }
    }

    /// What of every batch is this process's.
    fn shard(&self) -> Shard {
        Shard { index: self.communicator.rank(), count: self.communicator.world_size() }
    }

    /// Whether one of the processes is asked to stop.
    pub(super) fn asked_to_stop(&self, watcher: &Watcher) -> Result<bool> {
        let asked = f64::from((watcher.stop)());
        Ok(sum_over_processes(&*self.communicator, &[asked])?[0] > 0.0)
    }

    /// Optimizer steps of the whole run.
    pub(super) fn steps(&self) -> u64 {
        self.config.epochs * self.sampler().batches().div_ceil(self.config.accumulate as u64)
    }

    pub(super) fn now(&self) -> Progress {
        let RunState { step, position, .. } = self.state;
        Progress { epoch: position.epoch, epochs: self.config.epochs, step }
    }

    pub(super) fn loader(&self) -> Result<Loader<Sample>> {
        let normalisation = self.trainer.model().normalisation();
        let TrainConfig { seed, augmentation, warp, .. } = self.config;
        let grid = self.trainer.grid();
        let exif = self.config.data.exif;
        let settings = SampleSettings { seed, grid, normalisation, exif, augmentation, warp };
        let (training, epoch) = (Arc::clone(&self.training), self.state.position.epoch);
        loader::start(
            self.sampler().rest_of(self.shard(), self.state.position),
            self.config.prefetch,
            move |index| training.sample(index, epoch, &settings),
        )
    }

    pub(super) fn count(&mut self, batches: &[Vec<Sample>], losses: &Losses) {
        let count = batches.len() as u64;
        self.state.step += 1;
        self.state.position.batch += count;
        let totals = &mut self.state.totals;
        totals.add_loss(losses.total(), count);
        losses.means.iter().for_each(|mean| totals.add_term(mean.name, mean.value, count));
    }

    /// The model's groups of parameters; those of every model among them, though they may be empty.
    pub(super) fn groups(&self) -> BTreeSet<Group> {
        let own = self.trainer.parameters().iter().map(|parameter| parameter.group);
        own.chain([Group::BACKBONE, Group::HEAD]).collect()
    }

    pub(super) fn plan(&self) -> Plan {
        let values = |group: Group| {
            let of_group = |parameter: &&Parameter| parameter.group == group && !parameter.buffer;
            let parameters = self.trainer.parameters().iter().filter(of_group);
            let count = parameters.map(|parameter| parameter.tensor.numel() as u64).sum();
            (group, Parameters { count, learning_rate: self.config.base_rate(group) })
        };
        let begins = self.state.step == 0;
        let trained = self.config.trained(self.trainer.parameters());
        let reach = trained.ok().filter(|_| begins).and_then(|trained| {
            let steps = self.sampler().batches().div_ceil(self.config.accumulate as u64);
            Reach::furthest(&self.config, steps, &trained)
        });
        Plan {
            reach,
            changes: self.changes.clone(),
            config: self.config.clone(),
            origin: self.origin.clone(),
            notes: self.notes.clone(),
            groups: self.groups().into_iter().map(values).collect(),
            samples: self.training.len(),
            photos: distinct_photos(&self.training),
            validation_pairs: self.validation.len(),
            data_notes: self.data_notes.clone(),
            omissions: self.omissions.clone(),
            score: self.validation.title(),
            steps: self.steps(),
            processes: self.communicator.world_size(),
            position: self.state.position,
            step: self.state.step,
        }
    }
}

fn distinct_photos(training: &TrainingSet) -> usize {
    let paths: BTreeSet<&Path> = match training {
        TrainingSet::Photos(photos) => photos.iter().map(PathBuf::as_path).collect(),
        TrainingSet::Pairs(pairs) => pairs
            .iter()
            .flat_map(|pair| [pair.source.path.as_path(), pair.target.path.as_path()])
            .collect(),
    };
    paths.len()
}
