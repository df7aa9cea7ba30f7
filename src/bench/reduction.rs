//! Timing the sum of a model's gradients over all processes, and nothing else of a training step.

use std::time::Instant;

use anyhow::Result;
use tch::{Device, Tensor};

use crate::bench::synchronize::synchronize;
use crate::bench::{BenchConfig, Measurement, summarise};
use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::nn::parameters::VarBuilder;
use crate::processes::buckets::{self, Transfer};
use crate::processes::communicator::Communicator;

/// What was timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reduction {
    /// Its times.
    pub measurement: Measurement,
    /// Bytes of the gradients, as they travel.
    pub bytes: usize,
}

/// Times it for a model of `config`, as often as `bench` says. All processes call this together.
///
/// # Errors
/// When another process is gone.
pub(crate) fn run_reduction(
    config: &ModelConfig,
    bench: &BenchConfig,
    device: Device,
    (communicator, transfer): (&dyn Communicator, Transfer),
) -> Result<Reduction> {
    let path = VarBuilder::fresh(device);
    Model::new(&path, config)?;
    let trained = path.finish().0.into_iter().filter(|parameter| !parameter.buffer);
    let mut gradients: Vec<Tensor> =
        trained.map(|parameter| parameter.tensor.detach().zeros_like()).collect();
    let values: usize = gradients.iter().map(Tensor::numel).sum();
    let mut times = Vec::new();
    for iteration in 0..bench.warm_up + bench.iterations {
        synchronize(device);
        communicator.barrier()?;
        let start = Instant::now();
        buckets::all_reduce(communicator, &mut gradients, transfer)?;
        synchronize(device);
        if iteration >= bench.warm_up {
            times.push(start.elapsed());
        }
    }
    let bytes = values * transfer.bytes();
    Ok(Reduction { measurement: summarise("reduction", "step", 1, times), bytes })
}
