//! The perceptrons of transformer blocks.

use tch::Tensor;

use crate::nn::layers::linear::Linear;
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::dropout::drop;

/// Linear, GELU, linear.
#[derive(Debug)]
pub(crate) struct Mlp {
    fc1: Linear,
    fc2: Linear,
}

impl Mlp {
    /// A perceptron with `ratio * dim` hidden values.
    pub(crate) fn new(path: &VarBuilder, dim: i64, ratio: i64) -> Self {
        Self {
            fc1: Linear::new(&(path / "fc1"), dim, ratio * dim),
            fc2: Linear::new(&(path / "fc2"), ratio * dim, dim),
        }
    }

    /// `residual` plus what the perceptron makes of `xs`, both `[..., D]`; `dropout` after both layers.
    pub(crate) fn add_to(&self, residual: &Tensor, xs: &Tensor, dropout: f64) -> Tensor {
        let hidden = drop(self.fc1.forward_gelu(xs), dropout);
        if dropout > 0.0 {
            return residual + drop(self.fc2.forward(&hidden), dropout);
        }
        self.fc2.forward_add(&hidden, residual)
    }

    /// What the perceptron makes of `xs` `[..., D]`.
    pub(crate) fn forward(&self, xs: &Tensor) -> Tensor {
        self.fc2.forward(&self.fc1.forward_gelu(xs))
    }
}

/// A perceptron half of whose hidden values gate the other half (SwiGLU, Shazeer 2020).
#[derive(Debug)]
pub(crate) struct GatedMlp {
    w12: Linear,
    w3: Linear,
}

impl GatedMlp {
    /// A perceptron with so many hidden values.
    pub(crate) fn new(path: &VarBuilder, dim: i64, hidden: i64) -> Self {
        Self {
            w12: Linear::new(&(path / "w12"), dim, 2 * hidden),
            w3: Linear::new(&(path / "w3"), hidden, dim),
        }
    }

    /// What the perceptron makes of `xs` `[..., D]`.
    pub(crate) fn forward(&self, xs: &Tensor) -> Tensor {
        let halves = self.w12.forward(xs).chunk(2, -1);
        self.w3.forward(&(halves[0].silu() * &halves[1]))
    }
}
