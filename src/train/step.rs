//! One optimizer step: samples to losses, losses to gradients, gradients to new weights.

use std::fmt::{self, Display, Formatter};

use anyhow::{Result, bail, ensure};
use rand::seq::index;
use tch::{Device, Tensor};

use super::average::Average;
use super::config::TrainConfig;
use super::loss::{LossConfig, contrast, end_point_error};
use super::matches::{self, Truth};
use super::optimizer::AdamW;
use super::random::{Purpose, generator, torch_seed};
use super::sample::Sample;
use super::schedule::Moment;
use super::start::Trainee;
use super::target::FlowGrid;
use crate::model::Model;
use crate::model::backbone::Features;
use crate::model::matcher::consensus::{Consensus, Logits};
use crate::model::matcher::lpmflow::masking::{candidates, masked};
use crate::model::matcher::{Matcher, lpmflow::LpmFlow};
use crate::nn::autocast::autocast;
use crate::nn::segments::Segments;
use crate::nn::variables::Variable;

/// The model under training with its optimizer.
#[derive(Debug)]
pub struct Trainer {
    model: Model,
    variables: Vec<Variable>,
    /// AdamW over the groups whose rate is not 0.
    pub optimizer: AdamW,
    /// The moving average of the weights, if one is kept.
    pub average: Option<Average>,
    config: TrainConfig,
    loss: LossConfig,
    /// The model as the run began, if features are held near its.
    start: Option<Model>,
    device: Device,
}

/// What one step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// Mean distance between predicted and target flow.
    pub end_point_error: f64,
    /// The contrast, not weighed.
    pub contrast: f64,
    /// Cross entropy of the true matches.
    pub matches: f64,
    /// How far features beside the objects have moved, not weighed.
    pub drift: f64,
    /// What was minimised.
    pub total: f64,
    /// Norm of all gradients together, before clipping.
    pub gradient_norm: f64,
}

impl Display for Losses {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        let Self { end_point_error, contrast, matches, drift, .. } = self;
        write!(
            formatter,
            "end-point error {end_point_error}, contrast {contrast}, matches {matches}, drift {drift}"
        )
    }
}

impl Trainer {
    /// Gets a model ready for training.
    ///
    /// # Errors
    /// When features are to be held near those of the run's first weights, and these cannot be read.
    pub fn new(trainee: Trainee, config: &TrainConfig, device: Device) -> Result<Self> {
        let Trainee { model, variables, .. } = trainee;
        let trained = |variable: &Variable| config.trains(variable);
        let optimizer = AdamW::new(&variables, config.optimizer, trained);
        let keeps_average = config.average_decay > 0.0;
        let average = keeps_average.then(|| Average::new(&variables, config.average_decay));
        let loss = config.effective_loss();
        let holds =
            matches!(model.matcher(), Matcher::Consensus(_)) && config.matches.retention > 0.0;
        let start = holds.then(|| config.model.build(config.seed, device)).transpose()?;
        let start = start.map(|trainee| trainee.model);
        let config = config.clone();
        Ok(Self { model, variables, optimizer, average, config, loss, start, device })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model's variables.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The network's flow grid in its frame.
    pub fn grid(&self) -> FlowGrid {
        let cells = self.model.matcher().flow_side(&self.model.feature_shape());
        FlowGrid { frame: self.model.config().frame, cells: cells as usize }
    }

    /// One update of the weights from some batches; `first_batch` is the number of the first of them in
    /// its epoch.
    ///
    /// # Errors
    /// When the loss or the gradient is not finite; the error names the pairs.
    pub fn step(
        &mut self,
        batches: &[Vec<Sample>],
        now: Moment,
        first_batch: u64,
    ) -> Result<Losses> {
        self.optimizer.zero_gradients();
        let share = 1.0 / batches.len() as f64;
        let mut sum = Losses::default();
        for (number, samples) in (first_batch..).zip(batches) {
            let losses = self.accumulate(samples, now, number, share)?;
            sum.end_point_error += share * losses.end_point_error;
            sum.contrast += share * losses.contrast;
            sum.matches += share * losses.matches;
            sum.drift += share * losses.drift;
            sum.total += share * losses.total;
        }
        sum.gradient_norm = self.optimizer.gradient_norm().double_value(&[]);
        if !sum.gradient_norm.is_finite() {
            let samples: Vec<&Sample> = batches.iter().flatten().collect();
            bail!("the gradient is not finite at step {}{}", now.step + 1, list(&samples));
        }
        if self.config.gradient_clip > 0.0 {
            self.optimizer.clip_gradients(sum.gradient_norm, self.config.gradient_clip);
        }
        let config = &self.config;
        self.optimizer.step(|group| config.schedule.learning_rate(config.base_rate(group), now));
        if let Some(average) = &mut self.average {
            average.update();
        }
        Ok(sum)
    }

    /// Adds the gradients of one batch, times `share`.
    fn accumulate(
        &mut self,
        samples: &[Sample],
        now: Moment,
        batch: u64,
        share: f64,
    ) -> Result<Losses> {
        // libtorch draws dropout from its own generator, which nothing else uses during a step.
        let seed = torch_seed(self.config.seed, Purpose::Dropout, now.epoch, batch);
        let mixed = self.config.mixed_precision.then_some(self.device);
        let segments = if self.config.checkpoint_activations {
            Segments::recomputed(seed, mixed)
        } else {
            Segments::seeded(seed)
        };
        let compute = || match self.model.matcher() {
            Matcher::LpmFlow(matcher) => self.flow_losses(matcher, samples, now, &segments),
            Matcher::Consensus(matcher) => Ok(self.match_losses(matcher, samples, &segments)),
            Matcher::Identity | Matcher::Nearest => bail!("the model has no matcher that learns"),
        };
        let (total, losses) = match mixed {
            Some(device) => autocast(device, compute),
            None => compute(),
        }?;
        if !losses.total.is_finite() {
            let samples: Vec<&Sample> = samples.iter().collect();
            bail!("the loss is not finite at step {} ({losses}){}", now.step + 1, list(&samples));
        }
        segments.backward(&(total * share));
        self.optimizer.separate_gradients();
        Ok(losses)
    }

    /// The paper's loss: end-point error of the flow, and contrast of the masked tokens.
    fn flow_losses<'a>(
        &'a self,
        matcher: &'a LpmFlow,
        samples: &[Sample],
        now: Moment,
        segments: &Segments<'a>,
    ) -> Result<(Tensor, Losses)> {
        let target = self.target(samples); // [B, 2, F, F]
        let valid = self.valid(samples); // [B, F, F]
        let (source, other) = halves(&self.model.features_in(&self.images(samples), segments));
        let ranks = self.masked_ranks(samples, now.epoch)?;
        let output = matcher.forward_train(&source, &other, &ranks, segments);
        let error = end_point_error(&output.flow, &target, &valid);
        let rate = self.loss.contrast_rate(now.epoch);
        let (total, contrast) = match &output.masked_tokens {
            Some(tokens) if rate > 0.0 => {
                let contrast = contrast(&output.encoded_source, tokens);
                (&error + &contrast * rate, contrast.double_value(&[]))
            }
            _ => (error.shallow_clone(), 0.0),
        };
        let losses = Losses {
            end_point_error: error.double_value(&[]),
            contrast,
            total: total.double_value(&[]),
            ..Losses::default()
        };
        Ok((total, losses))
    }

    /// The loss of models whose matcher has nothing to learn: true matches must win, and what shows no
    /// object must not change.
    fn match_losses<'a>(
        &'a self,
        matcher: &Consensus,
        samples: &[Sample],
        segments: &Segments<'a>,
    ) -> (Tensor, Losses) {
        let config = &self.config.matches;
        let images = self.images(samples);
        let features = self.model.features_in(&images, segments);
        let (source, other) = halves(&features);
        // Pair by pair the maps stay in the processor's cache, which is three times as fast.
        let pair = |index: i64| matcher.logits(&one(&source, index), &one(&other, index));
        let logits = Logits::cat(&(0..samples.len() as i64).map(pair).collect::<Vec<_>>());
        let truth = Truth::new(samples, features.shape.side, config.spread, self.device);
        let agreed = truth.cross_entropy(&logits.consensus);
        let similar = truth.cross_entropy(&(&logits.cosine / config.cosine_temperature));
        let matches = agreed * config.consensus_weight + similar * config.cosine_weight;
        let drift = match &self.start {
            Some(start) => {
                let kept = matches::outside_objects(samples, features.shape.side, self.device);
                let before = tch::no_grad(|| start.features(&images));
                matches::drift(&features, &before, &kept)
            }
            None => matches.zeros_like(),
        };
        let total = &matches + &drift * config.retention;
        let error = tch::no_grad(|| {
            let flow = matcher.flow_of(&logits, features.shape.side);
            end_point_error(&flow, &self.target(samples), &self.valid(samples))
        });
        let losses = Losses {
            end_point_error: error.double_value(&[]),
            matches: matches.double_value(&[]),
            drift: drift.double_value(&[]),
            total: total.double_value(&[]),
            ..Losses::default()
        };
        (total, losses)
    }

    /// All sources, then all targets, `[2 B, 3, H, W]`: the backbone sees them as one batch.
    fn images(&self, samples: &[Sample]) -> Tensor {
        let sides = samples.iter().map(|s| &s.source).chain(samples.iter().map(|s| &s.target));
        let images: Vec<Tensor> = sides
            .map(|planes| {
                let [height, width] = [planes.size.height, planes.size.width].map(|n| n as i64);
                Tensor::from_slice(&planes.values).view([1, 3, height, width])
            })
            .collect();
        Tensor::cat(&images, 0).to_device(self.device)
    }

    fn target(&self, samples: &[Sample]) -> Tensor {
        let flow = |sample: &Sample| {
            let size = sample.flow.size;
            let values = [&sample.flow.dx[..], &sample.flow.dy[..]].concat();
            Tensor::from_slice(&values).view([1, 2, size.height as i64, size.width as i64])
        };
        let flows: Vec<Tensor> = samples.iter().map(flow).collect();
        Tensor::cat(&flows, 0).to_device(self.device)
    }

    fn valid(&self, samples: &[Sample]) -> Tensor {
        let side = self.grid().cells as i64;
        let cells = |sample: &Sample| Tensor::from_slice(&sample.valid).view([1, side, side]);
        let cells: Vec<Tensor> = samples.iter().map(cells).collect();
        Tensor::cat(&cells, 0).to_device(self.device)
    }

    /// Which of the ranked candidates are masked in each sample, `[B, M]`.
    fn masked_ranks(&self, samples: &[Sample], epoch: u64) -> Result<Tensor> {
        let side = self.model.feature_shape().side;
        let (all, chosen) = (candidates(side * side), masked(side * side));
        ensure!(chosen > 0, "a grid of {side} x {side} patches is too small to mask some");
        let mut ranks = Vec::new();
        for sample in samples {
            let mut rng = generator(self.config.seed, Purpose::Masking, epoch, sample.index as u64);
            let drawn = index::sample(&mut rng, usize::try_from(all)?, usize::try_from(chosen)?);
            ranks.extend(drawn.into_iter().map(|rank| rank as i64));
        }
        let ranks = Tensor::from_slice(&ranks).view([-1, chosen]);
        Ok(ranks.to_device(self.device))
    }
}

/// The features of the sources and of the targets.
fn halves(both: &Features) -> (Features, Features) {
    let count = both.tokens.size()[0] / 2;
    let half = |start| Features { tokens: both.tokens.narrow(0, start, count), shape: both.shape };
    (half(0), half(count))
}

/// One photo of a batch.
fn one(batch: &Features, index: i64) -> Features {
    Features { tokens: batch.tokens.narrow(0, index, 1), shape: batch.shape }
}

/// The pairs of a batch, one a line.
fn list(samples: &[&Sample]) -> String {
    let names: String = samples.iter().map(|sample| format!("\n  {}", sample.name)).collect();
    format!("; the batch's pairs:{names}\n")
}
