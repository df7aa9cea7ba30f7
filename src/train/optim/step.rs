//! One optimizer step: samples to losses, losses to gradients, gradients to new weights.

use std::fmt::{self, Display, Formatter};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tch::{Device, Kind, Tensor, no_grad};

use crate::model::Model;
use crate::nn::parameters::Parameter;
use crate::nn::runtime::autocast::autocast;
use crate::nn::runtime::recompute::Recompute;
use crate::processes::communicator::{Communicator, sum_over_processes};
use crate::train::config::TrainConfig;
use crate::train::init::{InitialModel, ensure_same_start};
use crate::train::objective::batch::Batch;
use crate::train::objective::{Mean, Objective, Start, Term};
use crate::train::optim::diverged::{Diverged, all_finite};
use crate::train::optim::ema::Ema;
use crate::train::optim::optimizer::Optimizer;
use crate::train::optim::reduction::{GradientReduction, GradientSums};
use crate::train::optim::schedule::Progress;
use crate::train::samples::random::{Purpose, torch_seed};
use crate::train::samples::sample::Sample;
use crate::train::samples::target::FlowGrid;

/// The model under training with its optimizer.
#[derive(Debug)]
pub(crate) struct Trainer {
    model: Model,
    parameters: Vec<Parameter>,
    /// What moves the parameters whose learning rate is not 0.
    pub optimizer: Box<dyn Optimizer>,
    /// The moving average of the weights, if one is kept.
    pub ema: Option<Ema>,
    config: TrainConfig,
    objective: Box<dyn Objective>,
    communicator: Rc<dyn Communicator>,
    /// Where there are several processes.
    reduction: Option<GradientReduction>,
    device: Device,
    /// What the last step spent on the sums over processes after its backward passes.
    reduction_time: Duration,
}

/// What one step came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Losses {
    /// The means of the objective's terms, in its order.
    pub means: Vec<Mean>,
    /// Norm of all gradients together, before clipping.
    pub gradient_norm: f64,
}

impl Losses {
    /// What was minimised.
    pub(crate) fn total(&self) -> f64 {
        self.means.iter().map(|mean| mean.weight * mean.value).sum()
    }
}

impl Display for Losses {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        let means = self.means.iter().map(|mean| format!("{} {}", mean.name, mean.value));
        formatter.write_str(&means.collect::<Vec<_>>().join(", "))
    }
}

impl Trainer {
    /// Gets a model ready for training, which the other processes of `communicator` train too: all begin with
    /// the weights of the first.
    ///
    /// # Errors
    /// When the model does not learn or has no such groups of parameters, or what its objective needs cannot be
    /// read.
    pub(crate) fn new(
        initial: InitialModel,
        config: &TrainConfig,
        device: Device,
        communicator: Rc<dyn Communicator>,
    ) -> Result<Self> {
        let InitialModel { model, parameters, provenance, .. } = initial;
        let trained = config.trained(&parameters)?;
        let optimizer = config.optimizer.settings().build(&trained);
        let teacher = || {
            let first = config.model.build(config.seed, device)?;
            ensure_same_start(&first.provenance, &provenance)?;
            Ok(first.model)
        };
        let objective = model.config().matcher.objective();
        let objective = objective.context("the model has no matcher that learns")?;
        let start = Start { model: &model, ablations: &config.model.ablate, teacher: &teacher };
        let objective = config.objectives.get(objective)?.build(&start)?;
        let mut weights: Vec<Tensor> =
            parameters.iter().map(|parameter| parameter.tensor.shallow_clone()).collect();
        no_grad(|| communicator.broadcast(&mut weights, 0))?;
        let keeps_average = config.ema_decay > 0.0;
        let ema = keeps_average.then(|| Ema::new(&parameters, config.ema_decay));
        let config = config.clone();
        let reduction = reduction(&communicator, &*optimizer, &config);
        Ok(Self {
            model,
            parameters,
            optimizer,
            ema,
            config,
            objective,
            reduction,
            communicator,
            device,
            reduction_time: Duration::ZERO,
        })
    }

    /// The model.
    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// The model's parameters.
    pub(crate) fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The network's flow grid in its frame.
    pub(crate) fn grid(&self) -> FlowGrid {
        let config = self.model.config();
        let (cells, reach) = (self.model.flow_side() as usize, config.matcher.keypoint_reach());
        FlowGrid { frame: config.input_size, cells, reach }
    }

    /// What the last step spent on the sums of gradients over all processes after its backward passes, with waiting
    /// for the slowest.
    pub(crate) fn reduction_time(&self) -> Duration {
        self.reduction_time
    }

    /// One update of the weights from some batches, at least one. How samples are spread over batches and processes
    /// changes neither the losses nor the gradients. A batch without samples is one of which other processes have
    /// all.
    ///
    /// # Errors
    /// When the loss, the gradient or the new weights are not finite ([`Diverged`]); the error names the pairs.
    pub(crate) fn step(&mut self, batches: &[Vec<Sample>], now: Progress) -> Result<Losses> {
        self.optimizer.zero_gradients();
        let terms = self.terms(batches, now)?;
        let mut sums = vec![0.0; terms.len()];
        let mut gradients = self.reduction.as_ref().map(GradientReduction::begin);
        let mut batches_left = batches.iter().filter(|samples| !samples.is_empty()).peekable();
        while let Some(samples) = batches_left.next() {
            let is_last = batches_left.peek().is_none();
            let travelling = gradients.as_mut().filter(|_| is_last);
            let of_batch = self.accumulate(samples, now, &terms, travelling)?;
            self.optimizer.separate_gradients();
            sums.iter_mut().zip(of_batch).for_each(|(sum, value)| *sum += value);
        }
        if let Some(gradients) = gradients {
            // The backward pass is not part of it. What is read from a GPU waits for that, and not for what travels.
            let _ = Tensor::zeros([1], (Kind::Float, self.device)).double_value(&[0]);
            let start = Instant::now();
            gradients.finish()?;
            self.reduction_time = start.elapsed();
        }
        let sums = sum_over_processes(&*self.communicator, &sums)?;
        let gradient_norm = self.optimizer.gradient_norm().double_value(&[]);
        let losses = Losses { means: means(&terms, &sums), gradient_norm };
        if !gradient_norm.is_finite() {
            let samples = batches.iter().flatten();
            bail!(Diverged::new("the gradient is", now, losses.to_string(), samples));
        }
        if self.config.gradient_clip > 0.0 {
            self.optimizer.clip_gradients(gradient_norm, self.config.gradient_clip);
        }
        let config = &self.config;
        let rate = |group| config.schedule.learning_rate(config.base_rate(group), now);
        self.optimizer.step(&rate)?;
        self.ensure_finite(&losses, batches, now)?;
        if let Some(ema) = &mut self.ema {
            ema.update();
        }
        Ok(losses)
    }

    /// A step of finite gradients can be too long, too: what would no longer be stored must not be trained on.
    fn ensure_finite(&self, losses: &Losses, batches: &[Vec<Sample>], now: Progress) -> Result<()> {
        if !all_finite(&self.optimizer.changing()) {
            let details = format!("{losses}, gradient norm {:e}", losses.gradient_norm);
            bail!(Diverged::new("the weights are", now, details, batches.iter().flatten()));
        }
        Ok(())
    }

    /// The terms of a step, with their counts over all its batches and all processes.
    fn terms(&self, batches: &[Vec<Sample>], now: Progress) -> Result<Vec<Term>> {
        let mut parts =
            batches.iter().map(|samples| self.objective.terms(&self.batch(samples, now)));
        let mut terms = parts.next().context("a step needs at least one batch")?;
        for part in parts {
            terms.iter_mut().zip(part).for_each(|(term, part)| term.count += part.count);
        }
        let counts: Vec<f64> = terms.iter().map(|term| term.count).collect();
        let counts = sum_over_processes(&*self.communicator, &counts)?;
        terms.iter_mut().zip(counts).for_each(|(term, count)| term.count = count);
        Ok(terms)
    }

    fn batch<'a>(&'a self, samples: &'a [Sample], now: Progress) -> Batch<'a> {
        Batch { model: &self.model, samples, now, seed: self.config.seed, device: self.device }
    }

    /// Adds the gradients of one batch's share in the step's `terms`, which travel meanwhile if they are whole then; the
    /// batch's sums.
    fn accumulate(
        &self,
        samples: &[Sample],
        now: Progress,
        terms: &[Term],
        travelling: Option<&mut GradientSums>,
    ) -> Result<Vec<f64>> {
        let seed = |sample: &Sample| {
            torch_seed(self.config.seed, Purpose::Dropout, now.epoch, sample.index as u64)
        };
        let seeds = samples.iter().map(seed).collect();
        let mixed = self.config.mixed_precision.then_some(self.device);
        let recompute = if self.config.checkpoint_activations {
            Recompute::recomputed(seeds, mixed)
        } else {
            Recompute::seeded(seeds)
        };
        let batch = self.batch(samples, now);
        let compute = || self.objective.sums(&batch, &recompute);
        let sums = match mixed {
            Some(device) => autocast(device, compute),
            None => compute(),
        }?;
        ensure!(sums.len() == terms.len(), "the objective has not summed every term of its own");
        let values: Vec<f64> = sums.iter().map(|sum| sum.double_value(&[])).collect();
        if !values.iter().all(|value| value.is_finite()) {
            let means = means(&self.objective.terms(&batch), &values);
            let losses = Losses { means, gradient_norm: 0.0 };
            bail!(Diverged::new("the loss is", now, losses.to_string(), samples));
        }
        let minimised = sums.iter().zip(terms).filter(|(_, term)| term.weight != 0.0);
        let shares = minimised.map(|(sum, term)| sum / term.count.max(1.0) * term.weight);
        let loss = shares.reduce(|loss, share| loss + share);
        let loss = loss.context("every weight of the objective is 0")?;
        match travelling {
            Some(gradients) => gradients.during(|| recompute.backward(&loss)),
            None => recompute.backward(&loss),
        }
        Ok(values)
    }
}

/// The sums of gradients, where there are several processes.
fn reduction(
    communicator: &Rc<dyn Communicator>,
    optimizer: &dyn Optimizer,
    config: &TrainConfig,
) -> Option<GradientReduction> {
    let sums = || {
        let communicator = Rc::clone(communicator);
        GradientReduction::new(communicator, optimizer.parameters(), config.gradient_transfer)
    };
    (communicator.world_size() > 1).then(sums)
}

/// The mean of each term whose sum is known.
fn means(terms: &[Term], sums: &[f64]) -> Vec<Mean> {
    let mean = |(term, sum): (&Term, &f64)| {
        let Term { name, weight, count } = *term;
        Mean { name, weight, value: sum / count.max(1.0) }
    };
    terms.iter().zip(sums).map(mean).collect()
}

#[cfg(test)]
mod tests;
