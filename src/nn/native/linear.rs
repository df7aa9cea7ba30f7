//! Linear maps by oneDNN (`linear.cpp`). libtorch has oneDNN inside and uses it for convolutions; for float32
//! linear maps it calls MKL, which on AMD processors keeps to AVX2 and is half as fast where there is more. Where
//! AVX2 is all there is, MKL is as fast, and oneDNN's long sums round twice as much.

use std::ffi::c_void;
use std::ptr;

use tch::Tensor;

use crate::nn::native::processor::{Vectors, vectors};
use crate::nn::native::tensor::{is_unwritten, serves};

unsafe extern "C" {
    fn lpmflow_onednn_pack(weight: *const c_void, rows: i64) -> *mut c_void;

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
pub(crate) enum After<'a> {
    /// Nothing.
    Nothing,
    /// GELU, with the values that libtorch's own has.
    Gelu,
    /// The sum with a tensor of the result's shape.
    Add(&'a Tensor),
}

/// A copy of a weight `[out, in]` in the order in which oneDNN reads it.
#[derive(Debug)]
pub(crate) struct PackedWeight(Tensor);

/// What to multiply with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Weight<'a> {
    /// `[out, in]` in row-major order.
    Plain(&'a Tensor),
    /// Put in order before.
    Packed(&'a PackedWeight),
}

impl Weight<'_> {
    fn tensor(&self) -> &Tensor {
        match self {
            Self::Plain(weight) => weight,
            Self::Packed(packed) => &packed.0,
        }
    }
}

/// Whether oneDNN is to map `xs`: on processors with AVX-512, and for tensors that [`serves`].
pub(crate) fn can_map(xs: &Tensor) -> bool {
    (vectors() == Some(Vectors::Avx512) || anywhere::is_allowed()) && serves(xs)
}

/// A weight in the order in which oneDNN reads it for inputs of so many rows; `None` where it does not serve,
/// or where the weight was ever written to, as it may be again.
pub(crate) fn pack(weight: &Tensor, rows: i64) -> Option<PackedWeight> {
    if weight.dim() != 2 || !can_map(weight) || !is_unwritten(weight) {
        return None;
    }
    // Safety: the pointer is that of a live tensor, which is only read; and see `owned`.
    unsafe { owned(lpmflow_onednn_pack(weight.as_ptr().cast(), rows)) }.map(PackedWeight)
}

/// xs W' + b and what comes after it; `None` where oneDNN does not serve or shapes do not fit.
///
/// # Shapes
/// `xs` `[..., in]`, `weight` `[out, in]`, `bias` `[out]`, result `[..., out]`.
pub(crate) fn linear(xs: &Tensor, weight: Weight, bias: &Tensor, after: After) -> Option<Tensor> {
    let [outputs, inputs] = <[i64; 2]>::try_from(weight.tensor().size()).ok()?;
    let (last, rest) = xs.size().split_last().map(|(&last, rest)| (last, rest.to_vec()))?;
    let weight_fits = last == inputs
        && match weight {
            Weight::Plain(weight) => serves(weight),
            Weight::Packed(_) => true,
        };
    let bias_fits = bias.size() == [outputs] && serves(bias);
    let addend = if let After::Add(addend) = after { Some(addend) } else { None };
    let addend_fits = addend
        .is_none_or(|addend| addend.size() == [rest, vec![outputs]].concat() && serves(addend));
    if !weight_fits || !bias_fits || !addend_fits || !can_map(xs) {
        return None;
    }
    // Safety: the pointers are those of live tensors, which are only read; and see `owned`.
    unsafe {
        owned(lpmflow_onednn_linear(
            xs.as_ptr().cast(),
            weight.tensor().as_ptr().cast(),
            bias.as_ptr().cast(),
            matches!(after, After::Gelu),
            addend.map_or(ptr::null(), |addend| addend.as_ptr().cast()),
        ))
    }
}

/// A tensor that C++ made; `None` for null.
///
/// # Safety
/// Whatever is not null must be a tensor that nobody else owns.
unsafe fn owned(made: *mut c_void) -> Option<Tensor> {
    // Safety: the caller's.
    (!made.is_null()).then(|| unsafe { Tensor::from_ptr(made.cast()) })
}

/// oneDNN on processors where it is no faster, for tests.
pub(crate) mod anywhere {
    #[cfg(test)]
    thread_local! {
        static ALLOWED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }

    /// What `compute` gives where oneDNN serves on every processor.
    #[cfg(test)]
    pub(crate) fn allowed<T>(compute: impl FnOnce() -> T) -> T {
        let before = ALLOWED.replace(true);
        let result = compute();
        ALLOWED.set(before);
        result
    }

    pub(super) fn is_allowed() -> bool {
        #[cfg(test)]
        return ALLOWED.get();
        #[cfg(not(test))]
        false
    }
}
