//! Mixed precision: libtorch's autocast, for the CPU and CUDA alike (tch switches it on for CUDA alone, and
//! only in float16, which needs losses to be scaled). In `libtorch.cpp`.

use tch::Device;

unsafe extern "C" {
    safe fn lpmflow_autocast(enabled: bool, cuda: bool);
}

/// Begins or ends that matrix products and convolutions of this thread on `device` compute in bfloat16. As
/// often ended as begun.
pub(crate) fn set(enabled: bool, device: Device) {
    lpmflow_autocast(enabled, device.is_cuda());
}
