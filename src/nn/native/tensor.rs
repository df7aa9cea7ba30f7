//! Questions about tensors (`libtorch.cpp`).

use std::ffi::c_void;

use tch::Tensor;

unsafe extern "C" {
    fn lpmflow_is_plain(xs: *const c_void) -> bool;
    fn lpmflow_serves(xs: *const c_void) -> bool;
    fn lpmflow_version(xs: *const c_void) -> i64;
}

/// Whether a tensor has values in row-major order, no gradient is wanted and no network is traced.
pub(super) fn is_plain(xs: &Tensor) -> bool {
    // Safety: the pointer is that of a live tensor, which is only read.
    xs.numel() > 0 && unsafe { lpmflow_is_plain(xs.as_ptr().cast()) }
}

/// Whether functions in C++ may compute on this tensor: one of float32 in row-major order on the CPU, with
/// values, where no gradient is wanted and no network is traced.
pub(crate) fn serves(xs: &Tensor) -> bool {
    // Safety: the pointer is that of a live tensor, which is only read.
    xs.numel() > 0 && unsafe { lpmflow_serves(xs.as_ptr().cast()) }
}

/// Whether no operation ever wrote to this tensor, or to another that shares its values, since it was made.
///
/// libtorch counts this for autograd. It does not count what is written through [`Tensor::data`] or a pointer.
pub(crate) fn is_unwritten(xs: &Tensor) -> bool {
    // Safety: as above.
    unsafe { lpmflow_version(xs.as_ptr().cast()) == 0 }
}

/// Where the values of a tensor begin that [`serves`].
pub(super) fn values(xs: &Tensor) -> *mut f32 {
    xs.data_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, no_grad};

    #[test]
    fn writing_to_a_part_of_a_tensor_writes_to_the_tensor() {
        let xs = Tensor::zeros([4, 2], (Kind::Float, Device::Cpu));
        let part = xs.narrow(0, 1, 2);
        assert!(is_unwritten(&xs) && is_unwritten(&part));
        let _ = no_grad(|| xs.narrow(0, 3, 1).detach().fill_(1.0));
        assert!(!is_unwritten(&xs) && !is_unwritten(&part));
    }

    #[test]
    fn other_precisions_orders_and_gradients_are_left_to_libtorch() {
        let xs = Tensor::zeros([4, 2], (Kind::Float, Device::Cpu));
        assert!(!serves(&xs), "gradients may be wanted");
        no_grad(|| {
            assert!(serves(&xs) && serves(&xs.narrow(0, 1, 2)));
            assert!(!serves(&xs.tr()) && !serves(&xs.to_kind(Kind::Double)));
            assert!(!serves(&xs.narrow(0, 1, 0)), "no values");
        });
    }
}
