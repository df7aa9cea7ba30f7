//! Vectors of length one.

use tch::Tensor;

/// Keeps the length of a zero vector away from zero, as PyTorch's `normalize` does.
const SHORTEST: f64 = 1e-12;

/// The vectors along the last dimension, scaled to length one.
pub(crate) fn unit_length(xs: &Tensor) -> Tensor {
    xs / xs.norm_scalaropt_dim(2.0, [-1], true).clamp_min(SHORTEST)
}
