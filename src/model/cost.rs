//! Arithmetic a model needs, counted from its configuration.
//!
//! Counted are the matrix products and convolutions, a multiplication with its addition as two
//! operations; element-wise work is left out. For the paper's configuration the sum agrees with what
//! was measured on the reference, less the projections that the reference computes and does not use.

/// Operations of one part of the network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StageCost {
    /// The part.
    pub name: &'static str,
    /// Floating-point operations per pair of photos.
    pub operations: f64,
}

/// A transformer block over `tokens` that attend in groups of `group`: four projections of width `dim`
/// and a perceptron four times as wide, and the products of attention.
pub(crate) fn block(tokens: f64, group: f64, dim: f64) -> f64 {
    attention(tokens, group, dim) + perceptron(tokens, dim)
}

/// The attention of such a block alone.
pub(crate) fn attention(tokens: f64, group: f64, dim: f64) -> f64 {
    2.0 * tokens * 4.0 * dim * dim + 4.0 * tokens * group * dim
}

/// The perceptron of such a block alone.
pub(crate) fn perceptron(tokens: f64, dim: f64) -> f64 {
    2.0 * tokens * 8.0 * dim * dim
}
