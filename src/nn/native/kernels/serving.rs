//! Whether our kernels serve, and having a GPU run them.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use crate::nn::native::kernels::driver;
use crate::nn::native::kernels::launch::Launch;
use crate::nn::native::kernels::source::ALL;
use crate::nn::native::tensor::is_plain;

static ENABLED: AtomicBool = AtomicBool::new(false);

/// Has them serve from now on, on this GPU; all are compiled, so that what is wrong is told at once.
///
/// # Errors
/// When NVRTC or the GPU's driver is not there, or refuses.
pub(crate) fn enable(device: usize) -> Result<()> {
    for source in ALL {
        driver::load(*source, device)?;
    }
    ENABLED.store(true, Ordering::Relaxed);
    Ok(())
}

/// The tensors with their values in row-major order, if they serve: all on one GPU, and no gradient wanted. Nothing is
/// copied where they do not.
pub(super) fn prepared<const N: usize>(tensors: [&Tensor; N]) -> Option<[Tensor; N]> {
    if !ENABLED.load(Ordering::Relaxed) {
        return None;
    }
    let device = tensors.first()?.device();
    if !device.is_cuda() || tensors.iter().any(|xs| xs.device() != device) {
        return None;
    }
    let tensors = tensors.map(Tensor::contiguous);
    tensors.iter().all(is_plain).then_some(tensors)
}

/// Has the GPU of these tensors do what was prepared.
///
/// # Panics
/// When the driver refuses, as libtorch's own operations do.
pub(super) fn run(launches: &[Launch], device: Device) {
    for launch in launches {
        driver::launch(launch, device).unwrap_or_else(|error| panic!("{error:#}"));
    }
}

/// How many blocks of a size cover a length; `None` where there are more than a grid has.
pub(super) fn blocks(length: i64, size: i64) -> Option<u32> {
    u32::try_from((length + size - 1) / size).ok()
}

/// The name that sources give a number format; none of which there are no kernels.
pub(super) fn type_name(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Float => Some("float32"),
        Kind::BFloat16 => Some("bfloat16"),
        Kind::Half => Some("float16"),
        _ => None,
    }
}
