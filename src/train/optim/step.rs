//! One optimizer step: samples to losses, losses to gradients, gradients to new weights.

use std::fmt::{self, Display, Formatter};

use anyhow::{Result, bail, ensure};
use rand::seq::index;
use tch::{Device, Tensor};

use crate::model::Model;
use crate::model::matcher::consensus::{Consensus, Logits};
use crate::model::matcher::{Masking, Matcher};
use crate::nn::parameters::Parameter;
use crate::nn::runtime::autocast::autocast;
use crate::nn::runtime::recompute::Recompute;
use crate::train::config::TrainConfig;
use crate::train::init::InitialModel;
use crate::train::objective::flow::{LossConfig, contrast, end_point_error};
use crate::train::objective::matching::{self as matches, Truth};
use crate::train::optim::adamw::AdamW;
use crate::train::optim::ema::Ema;
use crate::train::optim::schedule::Progress;
use crate::train::samples::random::{Purpose, generator, torch_seed};
use crate::train::samples::sample::Sample;
use crate::train::samples::target::FlowGrid;

/// The model under training with its optimizer.
#[derive(Debug)]
pub struct Trainer {
    model: Model,
    parameters: Vec<Parameter>,
    /// AdamW over the groups whose rate is not 0.
    pub optimizer: AdamW,
    /// The moving ema of the weights, if one is kept.
    pub ema: Option<Ema>,
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
    pub distillation_loss: f64,
    /// What was minimised.
    pub total: f64,
    /// Norm of all gradients together, before clipping.
    pub gradient_norm: f64,
}

impl Display for Losses {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        let Self { end_point_error, contrast, matches, distillation_loss, .. } = self;
        write!(
            formatter,
            "end-point error {end_point_error}, contrast {contrast}, matches {matches}, distillation_loss {distillation_loss}"
        )
    }
}

impl Trainer {
    /// Gets a model ready for training.
    ///
    /// # Errors
    /// When features are to be held near those of the run's first weights, and these cannot be read.
    pub fn new(initial: InitialModel, config: &TrainConfig, device: Device) -> Result<Self> {
        let InitialModel { model, parameters, .. } = initial;
        let trained = |variable: &Parameter| config.trains(variable);
        let optimizer = AdamW::new(&parameters, config.optimizer, trained);
        let keeps_average = config.ema_decay > 0.0;
        let ema = keeps_average.then(|| Ema::new(&parameters, config.ema_decay));
        let loss = config.effective_loss();
        let holds =
            model.matcher().as_any().is::<Consensus>() && config.matches.distillation_weight > 0.0;
        let start = holds.then(|| config.model.build(config.seed, device)).transpose()?;
        let start = start.map(|initial| initial.model);
        let config = config.clone();
        Ok(Self { model, parameters, optimizer, ema, config, loss, start, device })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model's parameters.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The network's flow grid in its frame.
    pub fn grid(&self) -> FlowGrid {
        let cells = self.model.flow_side();
        FlowGrid { frame: self.model.config().input_size, cells: cells as usize }
    }

    /// One update of the weights from some batches; `first_batch` is the number of the first of them in
    /// its epoch.
    ///
    /// # Errors
    /// When the loss or the gradient is not finite; the error names the pairs.
    pub fn step(
        &mut self,
        batches: &[Vec<Sample>],
        now: Progress,
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
            sum.distillation_loss += share * losses.distillation_loss;
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
        if let Some(ema) = &mut self.ema {
            ema.update();
        }
        Ok(sum)
    }

    /// Adds the gradients of one batch, times `share`.
    fn accumulate(
        &mut self,
        samples: &[Sample],
        now: Progress,
        batch: u64,
        share: f64,
    ) -> Result<Losses> {
        // libtorch draws dropout from its own generator, which nothing else uses during a step.
        let seed = torch_seed(self.config.seed, Purpose::Dropout, now.epoch, batch);
        let mixed = self.config.mixed_precision.then_some(self.device);
        let recompute = if self.config.checkpoint_activations {
            Recompute::recomputed(seed, mixed)
        } else {
            Recompute::seeded(seed)
        };
        let matcher = self.model.matcher();
        let compute = || match matcher.as_any().downcast_ref::<Consensus>() {
            Some(matcher) => Ok(self.match_losses(matcher, samples, &recompute)),
            None => self.flow_losses(matcher, samples, now, &recompute),
        };
        let (total, losses) = match mixed {
            Some(device) => autocast(device, compute),
            None => compute(),
        }?;
        if !losses.total.is_finite() {
            let samples: Vec<&Sample> = samples.iter().collect();
            bail!("the loss is not finite at step {} ({losses}){}", now.step + 1, list(&samples));
        }
        recompute.backward(&(total * share));
        self.optimizer.separate_gradients();
        Ok(losses)
    }

    /// The paper's loss: end-point error of the flow, and contrast of the masked tokens.
    fn flow_losses<'a>(
        &'a self,
        matcher: &'a dyn Matcher,
        samples: &[Sample],
        now: Progress,
        recompute: &Recompute<'a>,
    ) -> Result<(Tensor, Losses)> {
        let target = self.target(samples); // [B, 2, F, F]
        let valid = self.valid(samples); // [B, F, F]
        let [source, other] = self.model.features_in(&self.images(samples), recompute).halves();
        let ranks = self.masked_ranks(samples, now.epoch)?;
        let output = matcher.forward_train(&source, &other, ranks.as_ref(), recompute);
        let error = end_point_error(&output.flow, &target, &valid);
        let rate = self.loss.contrastive_weight(now.epoch);
        let (total, contrast) = match &output.masked {
            Some(masked) if rate > 0.0 => {
                let contrast = contrast(&masked.tokens, &masked.indices);
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
        recompute: &Recompute<'a>,
    ) -> (Tensor, Losses) {
        let config = &self.config.matches;
        let side = self.model.feature_shape().side;
        let images = self.images(samples);
        let features = self.model.features_in(&images, recompute);
        let [source, other] = features.halves();
        // Pair by pair the maps stay in the processor's cache, which is three times as fast.
        let pair = |index: i64| matcher.logits(&source.narrow(index, 1), &other.narrow(index, 1));
        let logits = Logits::cat(&(0..samples.len() as i64).map(pair).collect::<Vec<_>>());
        let truth = Truth::new(samples, side, config.sigma, self.device);
        let agreed = truth.cross_entropy(&logits.consensus);
        let similar = truth.cross_entropy(&(&logits.cosine / config.cosine_temperature));
        let matches = agreed * config.consensus_weight + similar * config.cosine_weight;
        let distillation_loss = match &self.start {
            Some(start) => {
                let kept = matches::outside_objects(samples, side, self.device);
                let before = tch::no_grad(|| start.features(&images));
                matches::distillation_loss(&features, &before, &kept)
            }
            None => matches.zeros_like(),
        };
        let total = &matches + &distillation_loss * config.distillation_weight;
        let error = tch::no_grad(|| {
            let flow = matcher.flow_of(&logits, side);
            end_point_error(&flow, &self.target(samples), &self.valid(samples))
        });
        let losses = Losses {
            end_point_error: error.double_value(&[]),
            matches: matches.double_value(&[]),
            distillation_loss: distillation_loss.double_value(&[]),
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
    fn masked_ranks(&self, samples: &[Sample], epoch: u64) -> Result<Option<Tensor>> {
        let side = self.model.feature_shape().side;
        let Some(Masking { candidates: all, chosen }) = self.model.matcher().masking() else {
            return Ok(None);
        };
        ensure!(chosen > 0, "a grid of {side} x {side} patches is too small to mask some");
        let mut ranks = Vec::new();
        for sample in samples {
            let mut rng = generator(self.config.seed, Purpose::Masking, epoch, sample.index as u64);
            let drawn = index::sample(&mut rng, usize::try_from(all)?, usize::try_from(chosen)?);
            ranks.extend(drawn.into_iter().map(|rank| rank as i64));
        }
        let ranks = Tensor::from_slice(&ranks).view([-1, chosen]);
        Ok(Some(ranks.to_device(self.device)))
    }
}

/// The pairs of a batch, one a line.
fn list(samples: &[&Sample]) -> String {
    let names: String = samples.iter().map(|sample| format!("\n  {}", sample.name)).collect();
    format!("; the batch's pairs:{names}\n")
}
