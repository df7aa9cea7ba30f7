//! Linear maps.

use tch::Tensor;

use crate::nn::ops;
use crate::nn::ops::linear::{After, Packed};
use crate::nn::parameters::{Init, VarBuilder};

/// Deviation the paper's linear layers and position tables start with.
pub const INITIAL_STD: f64 = 0.02;

/// `y = x W' + b` over the last dimension.
#[derive(Debug)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Tensor,
    /// `[out]`.
    pub bias: Tensor,
    /// The weight once more, for inference on the CPU.
    pub packed: Packed,
}

impl Linear {
    /// A linear map with bias.
    pub fn new(path: &VarBuilder, inputs: i64, outputs: i64) -> Self {
        Self::with_std(path, inputs, outputs, INITIAL_STD)
    }

    /// A linear map with bias, its weight drawn with this std.
    pub fn with_std(path: &VarBuilder, inputs: i64, outputs: i64, std: f64) -> Self {
        let weight = [outputs, inputs];
        Self {
            weight: path.parameter("weight", &weight, Init::TruncatedNormal(std)),
            bias: path.parameter("bias", &[outputs], Init::Constant(0.0)),
            packed: Packed::default(),
        }
    }

    /// `[..., in]` to `[..., out]`.
    pub fn forward(&self, xs: &Tensor) -> Tensor {
        ops::linear::linear(xs, self, After::Nothing).unwrap_or_else(|| self.usual(xs))
    }

    /// GELU of the map's result.
    pub fn forward_gelu(&self, xs: &Tensor) -> Tensor {
        ops::linear::linear(xs, self, After::Gelu).unwrap_or_else(|| self.usual(xs).gelu("none"))
    }

    /// The map's result plus `addend`, which has its shape.
    pub fn forward_add(&self, xs: &Tensor, addend: &Tensor) -> Tensor {
        ops::linear::linear(xs, self, After::Add(addend)).unwrap_or_else(|| addend + self.usual(xs))
    }

    fn usual(&self, xs: &Tensor) -> Tensor {
        xs.linear(&self.weight, Some(&self.bias))
    }

    /// The map to only the outputs `start..start + length`.
    pub fn part(&self, start: i64, length: i64) -> Self {
        Self {
            weight: self.weight.narrow(0, start, length),
            bias: self.bias.narrow(0, start, length),
            packed: Packed::default(),
        }
    }
}
