//! A bottleneck beside the perceptron of a block (AdaptFormer, Chen et al. 2022), which suits a frozen
//! transformer to a task.

use tch::Tensor;

use crate::nn::layers::linear::Linear;
use crate::nn::layers::norm::LayerNorm;
use crate::nn::parameters::{Group, VarBuilder};

/// Trained where the transformer is not.
const GROUP: Group = Group("adapters");

/// What the bottleneck's result is multiplied by.
const SCALE: f64 = 0.1;

/// Layer norm, a narrow layer with ReLU, and back.
#[derive(Debug)]
pub(super) struct Adapter {
    norm: LayerNorm,
    down: Linear,
    up: Linear,
}

impl Adapter {
    /// An adapter that starts as nothing, for tokens of `dim` values.
    pub(super) fn new(path: &VarBuilder, dim: i64, width: i64) -> Self {
        let path = &path.in_group(GROUP);
        Self {
            norm: LayerNorm::new(&(path / "adapter_layer_norm_before"), dim, 1e-5),
            down: Linear::new(&(path / "down_proj"), dim, width),
            up: Linear::with_std(&(path / "up_proj"), width, dim, 0.0),
        }
    }

    /// What is added to the tokens `[B, N, D]`.
    pub(super) fn forward(&self, xs: &Tensor) -> Tensor {
        let hidden = self.down.forward(&self.norm.forward(xs)).relu();
        self.up.forward(&hidden) * SCALE
    }
}
