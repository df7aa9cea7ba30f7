//! Vectors of length one.

use tch::{Kind, Tensor};

/// Keeps the length of a zero vector away from zero, as PyTorch's `normalize` does.
const SHORTEST: f64 = 1e-12;

/// Added to a squared length by CATs and NC-Net.
const SQUARE_EPSILON: f64 = 1e-6;

/// The vectors along the last dimension, scaled to length one.
pub(crate) fn unit_length(xs: &Tensor) -> Tensor {
    xs / xs.norm_scalaropt_dim(2.0, [-1], true).clamp_min(SHORTEST)
}

/// The same as CATs and NC-Net have it, which leaves short vectors shorter than 1.
pub(crate) fn nearly_unit_length(xs: &Tensor) -> Tensor {
    let squares = xs.square().sum_dim_intlist([-1].as_slice(), true, None::<Kind>);
    xs / (squares + SQUARE_EPSILON).sqrt()
}
