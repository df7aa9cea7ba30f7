//! Reading the clock when the device has done its work.

use tch::{Cuda, Device};

/// Waits until the device has done what it was given: a GPU's work runs on its own.
pub(super) fn synchronize(device: Device) {
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
}
