//! A transformer block over the correlations of several levels (upstream `MultiscaleBlock`).

use tch::Tensor;

use crate::nn::layers::attention::Attention;
use crate::nn::layers::mlp::Mlp;
use crate::nn::layers::norm::LayerNorm;
use crate::nn::parameters::VarBuilder;
use crate::nn::shape::dims;

const EPSILON: f64 = 1e-6;

/// The block with its parameters.
#[derive(Debug)]
pub(super) struct LevelsBlock {
    within: Attention,
    norm1: LayerNorm,
    /// Behind the last attention.
    norm2: LayerNorm,
    mlp: Mlp,
    /// None of a single level.
    across: Option<Across>,
}

/// Attention across levels, and the perceptron before it.
#[derive(Debug)]
struct Across {
    norm4: LayerNorm,
    mlp2: Mlp,
    norm3: LayerNorm,
    attention: Attention,
}

impl LevelsBlock {
    /// Builds the parameters under `path`, for rows of `dim` values.
    pub(super) fn new(path: &VarBuilder, dim: i64, heads: i64, levels: usize) -> Self {
        let norm = |name: &str| LayerNorm::new(&(path / name), dim, EPSILON);
        let across = || Across {
            norm4: norm("norm4"),
            mlp2: Mlp::new(&(path / "mlp2"), dim, 4),
            norm3: norm("norm3"),
            attention: Attention::new(&(path / "attn_multiscale"), dim, heads),
        };
        Self {
            within: Attention::new(&(path / "attn"), dim, heads),
            norm1: norm("norm1"),
            norm2: norm("norm2"),
            mlp: Mlp::new(&(path / "mlp"), dim, 4),
            across: (levels > 1).then(across),
        }
    }

    /// Rows attend to those of their own level, then to their fellows in the other levels.
    ///
    /// # Shapes
    /// `xs` `[B, L, N, D]`, result the same.
    pub(super) fn forward(&self, xs: &Tensor) -> Tensor {
        let [_, levels, rows, dim] = dims(xs);
        let xs = xs.flatten(0, 1); // [B * L, N, D]
        let mut xs = &xs + self.within.self_attention(&self.norm1.forward(&xs), None);
        if let Some(Across { norm4, mlp2, norm3, attention }) = &self.across {
            xs = mlp2.add_to(&xs, &norm4.forward(&xs), 0.0);
            let turned = xs.view([-1, levels, rows, dim]).transpose(1, 2).flatten(0, 1); // [B * N, L, D]
            let turned = &turned + attention.self_attention(&norm3.forward(&turned), None);
            xs = turned.view([-1, rows, levels, dim]).transpose(1, 2).flatten(0, 1).contiguous();
        }
        self.mlp.add_to(&xs, &self.norm2.forward(&xs), 0.0).view([-1, levels, rows, dim])
    }
}
