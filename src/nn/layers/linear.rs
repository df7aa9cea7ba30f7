//! Linear maps.

use tch::Tensor;

use crate::nn::ops::Operation;
use crate::nn::ops::linear::{After, LinearMap, Packed};
use crate::nn::parameters::{Init, VarBuilder};

/// Standard deviation the paper's linear layers and position tables start with.
pub(crate) const INITIAL_STD: f64 = 0.02;

/// `y = x W' + b` over the last dimension.
#[derive(Debug)]
pub(crate) struct Linear {
    /// `[out, in]`.
    pub weight: Tensor,
    /// `[out]`.
    pub bias: Tensor,
    /// The weight once more, for inference on the CPU.
    packed: Packed,
}

/// Some neighbouring outputs of a linear map, and their weights once more as [`Linear`] has its own.
#[derive(Debug)]
pub(crate) struct Outputs {
    start: i64,
    length: i64,
    packed: Packed,
}

impl Outputs {
    /// The outputs `start..start + length`.
    pub(crate) fn new(start: i64, length: i64) -> Self {
        Self { start, length, packed: Packed::default() }
    }

    /// Whether inference on the CPU has its own copy of their weights.
    #[cfg(test)]
    pub(crate) fn is_packed(&self) -> bool {
        self.packed.is_made()
    }
}

impl Linear {
    /// A linear map with bias.
    pub(crate) fn new(path: &VarBuilder, inputs: i64, outputs: i64) -> Self {
        Self::with_std(path, inputs, outputs, INITIAL_STD)
    }

    /// A linear map with bias, its weight drawn with this std.
    pub(crate) fn with_std(path: &VarBuilder, inputs: i64, outputs: i64, std: f64) -> Self {
        let weight = [outputs, inputs];
        Self {
            weight: path.parameter("weight", &weight, Init::TruncatedNormal(std)),
            bias: path.parameter("bias", &[outputs], Init::Constant(0.0)),
            packed: Packed::default(),
        }
    }

    /// `[..., in]` to `[..., out]`.
    pub(crate) fn forward(&self, xs: &Tensor) -> Tensor {
        self.forward_then(xs, After::Nothing)
    }

    /// GELU of the map's result.
    pub(crate) fn forward_gelu(&self, xs: &Tensor) -> Tensor {
        self.forward_then(xs, After::Gelu)
    }

    /// The map's result plus `addend`, which has its shape.
    pub(crate) fn forward_add(&self, xs: &Tensor, addend: &Tensor) -> Tensor {
        self.forward_then(xs, After::Add(addend))
    }

    /// Some of the map's outputs alone: `[..., in]` to `[..., length]`. A map is always asked with the same
    /// [`Outputs`].
    pub(crate) fn forward_outputs(&self, xs: &Tensor, outputs: &Outputs) -> Tensor {
        let Outputs { start, length, packed } = outputs;
        let [weight, bias] =
            [&self.weight, &self.bias].map(|whole| whole.narrow(0, *start, *length));
        LinearMap { xs, weight: &weight, bias: &bias, packed, after: After::Nothing }.run()
    }

    fn forward_then(&self, xs: &Tensor, after: After) -> Tensor {
        let Self { weight, bias, packed } = self;
        LinearMap { xs, weight, bias, packed, after }.run()
    }
}
