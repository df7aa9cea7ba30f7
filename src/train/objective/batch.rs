//! A batch of samples as the tensors that objectives are made of.

use anyhow::{Result, ensure};
use rand::seq::index;
use tch::{Device, Tensor};

use crate::model::Model;
use crate::model::matcher::Masking;
use crate::train::optim::schedule::Progress;
use crate::train::samples::random::{Purpose, generator};
use crate::train::samples::sample::Sample;

/// Samples that pass the network together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    /// The model under training.
    pub model: &'a Model,
    /// The samples.
    pub samples: &'a [Sample],
    /// Where the run is.
    pub now: Progress,
    /// The run's seed.
    pub seed: u64,
    /// Where the model is.
    pub device: Device,
}

impl Batch<'_> {
    /// All sources, then all targets, `[2 B, 3, H, W]`: the backbone sees them as one batch.
    pub(crate) fn images(&self) -> Tensor {
        let sources = self.samples.iter().map(|sample| &sample.source);
        let sides = sources.chain(self.samples.iter().map(|sample| &sample.target));
        let images: Vec<Tensor> = sides
            .map(|planes| {
                let [height, width] = [planes.size.height, planes.size.width].map(|n| n as i64);
                Tensor::from_slice(&planes.values).view([1, 3, height, width])
            })
            .collect();
        Tensor::cat(&images, 0).to_device(self.device)
    }

    /// The flows that training aims at, `[B, 2, F, F]`.
    pub(crate) fn target(&self) -> Tensor {
        let flow = |sample: &Sample| {
            let size = sample.flow.size;
            let values = [&sample.flow.dx[..], &sample.flow.dy[..]].concat();
            Tensor::from_slice(&values).view([1, 2, size.height as i64, size.width as i64])
        };
        let flows: Vec<Tensor> = self.samples.iter().map(flow).collect();
        Tensor::cat(&flows, 0).to_device(self.device)
    }

    /// Where these are known, `[B, F, F]`, of kind Bool.
    pub(crate) fn valid(&self) -> Tensor {
        let cells = |sample: &Sample| {
            let size = sample.flow.size;
            Tensor::from_slice(&sample.valid).view([1, size.height as i64, size.width as i64])
        };
        let cells: Vec<Tensor> = self.samples.iter().map(cells).collect();
        Tensor::cat(&cells, 0).to_device(self.device)
    }

    /// How many cells that is.
    pub(crate) fn valid_count(&self) -> f64 {
        let cells = self.samples.iter().flat_map(|sample| &sample.valid);
        cells.filter(|&&valid| valid).count() as f64
    }

    /// Which of the ranked candidates are masked in each sample, `[B, M]`; none without masking.
    ///
    /// # Errors
    /// When the grid is too small to mask some.
    pub(crate) fn masked_ranks(&self) -> Result<Option<Tensor>> {
        let Some(Masking { candidates: all, chosen }) = self.model.matcher().masking() else {
            return Ok(None);
        };
        let side = self.model.feature_shape().side();
        ensure!(chosen > 0, "a grid of {side} x {side} patches is too small to mask some");
        let mut ranks = Vec::new();
        for sample in self.samples {
            let epoch = self.now.epoch;
            let mut rng = generator(self.seed, Purpose::Masking, epoch, sample.index as u64);
            let drawn = index::sample(&mut rng, usize::try_from(all)?, usize::try_from(chosen)?);
            ranks.extend(drawn.into_iter().map(|rank| rank as i64));
        }
        Ok(Some(Tensor::from_slice(&ranks).view([-1, chosen]).to_device(self.device)))
    }
}
