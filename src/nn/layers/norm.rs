//! Normalisation by statistics of the values themselves.

use tch::Tensor;

use crate::nn::parameters::{Init, VarBuilder};

/// Layer norm over the last dimension.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

impl LayerNorm {
    /// Layer norm over `dim` values.
    pub(crate) fn new(path: &VarBuilder, dim: i64, epsilon: f64) -> Self {
        Self {
            weight: path.parameter("weight", &[dim], Init::Constant(1.0)),
            bias: path.parameter("bias", &[dim], Init::Constant(0.0)),
            epsilon,
        }
    }

    /// `[..., D]` to the same shape.
    pub(crate) fn forward(&self, xs: &Tensor) -> Tensor {
        xs.layer_norm(self.weight.size(), Some(&self.weight), Some(&self.bias), self.epsilon, true)
    }
}

/// Group norm over the channels of a map.
#[derive(Debug)]
pub(crate) struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: i64,
}

impl GroupNorm {
    /// Group norm over `channels` channels in `groups` groups.
    pub(crate) fn new(path: &VarBuilder, channels: i64, groups: i64) -> Self {
        Self {
            weight: path.parameter("weight", &[channels], Init::Constant(1.0)),
            bias: path.parameter("bias", &[channels], Init::Constant(0.0)),
            groups,
        }
    }

    /// `[B, C, H, W]` to the same shape.
    pub(crate) fn forward(&self, xs: &Tensor) -> Tensor {
        xs.group_norm(self.groups, Some(&self.weight), Some(&self.bias), 1e-5, true)
    }
}
