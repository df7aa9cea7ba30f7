//! Linear maps by oneDNN where there is AVX-512: twice as fast as libtorch's usual way on processors that are
//! not Intel's, and no slower on these. The same sums in another order.

use std::cell::{Cell, OnceCell};
use std::ffi::c_void;
use std::ptr;

use tch::Tensor;

use crate::nn::layers::linear::Linear;
use crate::nn::runtime::mapped;

#[allow(unsafe_code, reason = "a function of ours in C++, see onednn.cpp")]
unsafe extern "C" {
    fn lpmflow_onednn_pack(xs: *const c_void, weight: *const c_void, rows: i64) -> *mut c_void;

    fn lpmflow_onednn_linear(
        xs: *const c_void,
        weight: *const c_void,
        bias: *const c_void,
        gelu: bool,
        addend: *const c_void,
    ) -> *mut c_void;
}

/// A weight in the order in which oneDNN reads it, which saves its being put in order at every use.
///
/// It is made at the second use: for one pair of photos it would cost what it saves. The weight itself then
/// gives its memory back, which only weights on the pages of a file can do, so others stay as they are.
#[derive(Debug, Default)]
pub struct Packed {
    uses: Cell<u32>,
    weight: OnceCell<Tensor>,
}

impl Packed {
    /// What to multiply `xs` with: the packed weight, or `weight` itself.
    fn get<'a>(&'a self, xs: &Tensor, weight: &'a Tensor) -> &'a Tensor {
        let uses = self.uses.get();
        self.uses.set(uses.saturating_add(1));
        if uses == 1 && mapped::holds(weight) {
            let rows = xs.numel() as i64 / weight.size()[1].max(1);
            // Safety: the pointers are those of live tensors, which C++ only reads, and a result that is not
            // null is a new tensor that nobody else owns.
            #[allow(unsafe_code, reason = "a function of ours in C++, see onednn.cpp")]
            let packed = unsafe {
                let packed = lpmflow_onednn_pack(xs.as_ptr().cast(), weight.as_ptr().cast(), rows);
                (!packed.is_null()).then(|| Tensor::from_ptr(packed.cast()))
            };
            if let Some(packed) = packed {
                mapped::give_back(weight);
                return self.weight.get_or_init(|| packed);
            }
        }
        self.weight.get().unwrap_or(weight)
    }
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

/// `[..., in]` to `[..., out]`, or `None` where oneDNN does not serve: on other devices and processors, in
/// other precisions, where gradients are wanted and while a network is traced.
pub fn linear(xs: &Tensor, layer: &Linear, after: After) -> Option<Tensor> {
    // Safety: the pointers are those of live tensors, which C++ only reads, and a result that is not null
    // is a new tensor that nobody else owns.
    #[allow(unsafe_code, reason = "a function of ours in C++, see onednn.cpp")]
    unsafe {
        let result = lpmflow_onednn_linear(
            xs.as_ptr().cast(),
            layer.packed.get(xs, &layer.weight).as_ptr().cast(),
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
    use crate::nn::parameters::VarBuilder;
    use tch::{Device, Kind};

    /// Whether oneDNN serves on this processor at all.
    fn serves() -> bool {
        let layer = Linear::new(&VarBuilder::fresh(Device::Cpu), 4, 4);
        let xs = Tensor::zeros([1, 4], (Kind::Float, Device::Cpu));
        let served = tch::no_grad(|| linear(&xs, &layer, After::Nothing)).is_some();
        if !served {
            println!("skipped: no AVX-512 here");
        }
        served
    }

    #[test]
    fn equals_libtorchs_own_linear_map_and_leaves_gradients_to_it() {
        if !serves() {
            return;
        }
        let layer = Linear::new(&VarBuilder::fresh(Device::Cpu), 48, 80);
        let _ = layer.bias.shallow_clone().uniform_(-1.0, 1.0);
        let xs = Tensor::randn([2, 33, 48], (Kind::Float, Device::Cpu)) * 30.0;
        let addend = Tensor::randn([2, 33, 80], (Kind::Float, Device::Cpu));
        let usual = xs.linear(&layer.weight, Some(&layer.bias));
        assert!(linear(&xs, &layer, After::Nothing).is_none(), "gradients may be wanted");
        tch::no_grad(|| {
            let equals = |after, wanted: &Tensor| {
                let ours = linear(&xs, &layer, after).expect("oneDNN serves");
                assert!(ours.allclose(wanted, 1e-5, 1e-5, false));
            };
            equals(After::Nothing, &usual);
            equals(After::Gelu, &usual.gelu("none"));
            equals(After::Add(&addend), &(&usual + &addend));
            assert!(linear(&xs.to_kind(Kind::Double), &layer, After::Nothing).is_none());
        });
    }

    #[test]
    #[allow(unsafe_code, reason = "a tensor on a map's pages")]
    fn weights_of_a_file_are_packed_at_their_second_use_unless_they_were_written_to() {
        if !serves() {
            return;
        }
        let values: Vec<f32> =
            (0..64 * 4096).map(|index| (index % 97) as f32 / 97.0 - 0.5).collect();
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let bias = Tensor::zeros([64], (Kind::Float, Device::Cpu));
        let xs = Tensor::randn([33, 4096], (Kind::Float, Device::Cpu));
        for written in [false, true] {
            let mut map = unsafe { memmap2::MmapOptions::new().map_copy(&file).unwrap() };
            let weight = unsafe {
                let start = map.as_mut_ptr();
                Tensor::from_blob(start, &[64, 4096], &[], Kind::Float, Device::Cpu)
            };
            mapped::keep(map);
            if written {
                let _ = weight.shallow_clone().g_mul_scalar_(2.0);
            }
            let wanted = xs.matmul(&weight.tr());
            let layer = Linear { weight, bias: bias.shallow_clone(), packed: Packed::default() };
            for _ in 0..3 {
                let found = tch::no_grad(|| linear(&xs, &layer, After::Nothing)).unwrap();
                assert!(found.allclose(&wanted, 1e-4, 1e-4, false));
            }
            assert_eq!(layer.packed.weight.get().is_none(), written);
            assert!(xs.matmul(&layer.weight.tr()).equal(&wanted), "the weight itself is as it was");
        }
    }
}
