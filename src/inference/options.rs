//! Which weights to run, where, and how much to keep.

use anyhow::{Result, ensure};
use clap::ValueEnum;
use tch::Device;

use crate::inference::cuda_graph::RecordedPasses;
use crate::inference::device;
use crate::inference::precision::Precision;
use crate::model::weights::choice::Choice;
use crate::nn::native::kernels::serving;

/// Which weights to run, where, and how much to keep.
#[derive(Clone, Debug)]
pub(crate) struct EngineOptions {
    /// Which weights, of what size.
    pub weights: Choice,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// Number format of the network.
    pub precision: Precision,
    /// Whose CUDA kernels run.
    pub kernels: Kernels,
    /// Features kept at most, in bytes.
    pub cache_bytes: usize,
    /// Launch the forward pass as a CUDA graph where one pair is matched at a time.
    pub cuda_graph: bool,
    /// Whether there are many pairs, of which a small network then takes one on each thread.
    pub side_by_side: bool,
}

impl EngineOptions {
    /// The device, which computes in the wanted precision.
    pub(super) fn device(&self) -> Result<Device> {
        prepare_device(&self.device, self.precision, self.kernels)
    }

    /// The recorder of CUDA graphs, if one is wanted.
    pub(super) fn recorded(&self, device: Device) -> Result<Option<RecordedPasses>> {
        self.cuda_graph.then(|| RecordedPasses::new(device)).transpose()
    }
}

/// Whose CUDA kernels run on a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kernels {
    /// Those of libtorch
    #[default]
    Libtorch,
    /// Ours, where there are any
    Own,
}

/// The device that `auto`, `cpu`, `cuda` or `cuda:N` means, set up for a precision.
///
/// # Errors
/// When there is no such device, it does not compute in that precision, or our kernels cannot run there.
pub(crate) fn prepare_device(
    wanted: &str,
    precision: Precision,
    kernels: Kernels,
) -> Result<Device> {
    let device = device::choose(wanted)?;
    precision.check(device)?;
    match device {
        Device::Cuda(index) => {
            precision.tf32().apply();
            if kernels == Kernels::Own {
                serving::enable(index)?;
            }
        }
        _ => ensure!(
            kernels == Kernels::Libtorch,
            "--kernels own is for GPUs: choose --device cuda as well"
        ),
    }
    Ok(device)
}
