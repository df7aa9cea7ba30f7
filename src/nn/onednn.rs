//! Linear maps by oneDNN, twice as fast as libtorch's usual way on processors that are not Intel's, and no
//! slower on these: the same sums in another order.

use std::ffi::c_void;
use std::ptr;

use tch::Tensor;

use super::layers::Linear;

#[allow(unsafe_code, reason = "a function of ours in C++, see onednn.cpp")]
unsafe extern "C" {
    fn lpmflow_onednn_linear(
        xs: *const c_void,
        weight: *const c_void,
        bias: *const c_void,
        gelu: bool,
        addend: *const c_void,
    ) -> *mut c_void;
}

/// What becomes of a linear map's result before it is written to memory.
#[derive(Clone, Copy, Debug)]
pub enum After<'a> {
    /// Nothing.
    Nothing,
    /// GELU, with the values that libtorch's own has.
    Gelu,
    /// The sum with a tensor of the result's shape.
    Add(&'a Tensor),
}

/// `[..., in]` to `[..., out]`, or `None` where oneDNN does not serve: on other
/// devices, in other precisions, where gradients are wanted and while a network is traced.
pub fn linear(xs: &Tensor, layer: &Linear, after: After) -> Option<Tensor> {
    // Safety: the pointers are those of live tensors, which C++ only reads, and a result that is not null
    // is a new tensor that nobody else owns.
    #[allow(unsafe_code, reason = "a function of ours in C++, see onednn.cpp")]
    unsafe {
        let result = lpmflow_onednn_linear(
            xs.as_ptr().cast(),
            layer.weight.as_ptr().cast(),
            layer.bias.as_ptr().cast(),
            matches!(after, After::Gelu),
            match after {
                After::Add(addend) => addend.as_ptr().cast(),
                After::Nothing | After::Gelu => ptr::null(),
            },
        );
        (!result.is_null()).then(|| Tensor::from_ptr(result.cast()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::variables::Path;
    use tch::{Device, Kind};

    #[test]
    fn equals_libtorchs_own_linear_map_and_leaves_gradients_to_it() {
        let layer = Linear::new(&Path::fresh(Device::Cpu), 48, 80);
        let _ = layer.bias.shallow_clone().uniform_(-1.0, 1.0);
        let xs = Tensor::randn([2, 33, 48], (Kind::Float, Device::Cpu)) * 30.0;
        let addend = Tensor::randn([2, 33, 80], (Kind::Float, Device::Cpu));
        let usual = xs.linear(&layer.weight, Some(&layer.bias));
        assert!(linear(&xs, &layer, After::Nothing).is_none(), "gradients may be wanted");
        tch::no_grad(|| {
            let equals = |after, wanted: &Tensor| {
                let ours = linear(&xs, &layer, after).expect("libtorch has oneDNN on this machine");
                assert!(ours.allclose(wanted, 1e-5, 1e-5, false));
            };
            equals(After::Nothing, &usual);
            equals(After::Gelu, &usual.gelu("none"));
            equals(After::Add(&addend), &(&usual + &addend));
            assert!(linear(&xs.to_kind(Kind::Double), &layer, After::Nothing).is_none());
        });
    }
}
