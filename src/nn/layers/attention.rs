//! Multi-head attention with one fused projection for queries, keys and values.

use tch::Tensor;

use crate::nn::layers::linear::{Linear, Outputs};
use crate::nn::layers::rotary::Rotation;
use crate::nn::ops;
use crate::nn::ops::Operation;
use crate::nn::parameters::VarBuilder;
use crate::nn::shape::dims;

/// Multi-head attention; parameters `qkv` and `proj`.
#[derive(Debug)]
pub(crate) struct Attention {
    qkv: Linear,
    /// The outputs of `qkv` that cross-attention asks of one side and of the other.
    query: Outputs,
    key_value: Outputs,
    proj: Linear,
    heads: i64,
}

/// What attention from one image to another yields.
#[derive(Debug)]
pub(crate) struct CrossAttention {
    /// Gathered and projected values, `[B, S, D]`.
    pub output: Tensor,
    /// How much each query attends to each key, summed over the heads: `[B, S, T]`, rows sum to their
    /// number.
    pub weights: Tensor,
}

impl Attention {
    /// Attention over `dim` values in `heads` heads.
    pub(crate) fn new(path: &VarBuilder, dim: i64, heads: i64) -> Self {
        assert_eq!(dim % heads, 0, "{dim} values do not divide into {heads} heads");
        Self {
            qkv: Linear::new(&(path / "qkv"), dim, 3 * dim),
            query: Outputs::new(0, dim),
            key_value: Outputs::new(dim, 2 * dim),
            proj: Linear::new(&(path / "proj"), dim, dim),
            heads,
        }
    }

    /// Every token attends to every token; `bias` is added to the logits.
    ///
    /// # Shapes
    /// `xs` `[B, N, D]`, `bias` broadcastable to `[B, h, N, N]`, result `[B, N, D]`.
    pub(crate) fn self_attention(&self, xs: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let qkv = self.project(xs);
        self.proj.forward(&ops::attention::SelfAttention { qkv: &qkv, bias }.run())
    }

    /// Every token attends to every token, queries and keys turned by their places.
    ///
    /// # Shapes
    /// `xs` `[B, N, D]`, result the same.
    pub(crate) fn rotated_self_attention(
        &self,
        xs: &Tensor,
        rotation: Option<&Rotation>,
    ) -> Tensor {
        let Some(rotation) = rotation else { return self.self_attention(xs, None) };
        let qkv = rotation.apply(&self.project(xs));
        self.proj.forward(&ops::attention::SelfAttention { qkv: &qkv, bias: None }.run())
    }

    /// Queries, keys and values: `[B, N, D]` to `[B, N, 3, h, d]`.
    fn project(&self, xs: &Tensor) -> Tensor {
        let [_, tokens, dim] = dims(xs);
        self.qkv.forward(xs).view([-1, tokens, 3, self.heads, dim / self.heads])
    }

    /// The keys alone, all heads side by side: `[B, N, D]` to the same shape.
    pub(crate) fn keys(&self, xs: &Tensor) -> Tensor {
        let [_, _, dim] = dims(xs);
        self.qkv.forward(xs).narrow(2, dim, dim)
    }

    /// Every token of `xs` attends to every token of `context`. Only the projections in use are
    /// computed: queries of one side, keys and values of the other.
    ///
    /// # Shapes
    /// `xs` `[B, S, D]`, `context` `[B, T, D]`.
    pub(crate) fn cross_attention(&self, xs: &Tensor, context: &Tensor) -> CrossAttention {
        let [_, context_tokens, dim] = dims(context);
        let head_dim = dim / self.heads;
        let query = self.qkv.forward_outputs(xs, &self.query);
        let query = query.view([-1, xs.size()[1], self.heads, head_dim]); // [B, S, h, d]
        let key_value = self.qkv.forward_outputs(context, &self.key_value);
        let key_value = key_value.view([-1, context_tokens, 2, self.heads, head_dim]); // [B, T, 2, h, d]
        let (gathered, weights) =
            ops::attention::CrossAttention { query: &query, key_value: &key_value }.run();
        CrossAttention { output: self.proj.forward(&gathered), weights }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tch::{Device, Kind, no_grad};

    use super::*;
    use crate::nn::native::linear::anywhere;
    use crate::nn::ops::linear::weight_of_a_file;

    #[test]
    fn cross_attention_to_itself_equals_self_attention() {
        let attention = Attention::new(&VarBuilder::fresh(Device::Cpu), 16, 4);
        let xs = Tensor::randn([2, 9, 16], (Kind::Float, Device::Cpu)) * 20.0;
        let cross = attention.cross_attention(&xs, &xs);
        assert!(cross.output.allclose(&attention.self_attention(&xs, None), 1e-4, 1e-6, false));
        let row_sums = cross.weights.sum_dim_intlist(-1, false, None);
        assert!(row_sums.allclose(&row_sums.full_like(4.0), 1e-5, 1e-6, false));
    }

    #[test]
    fn cross_attention_packs_the_projections_of_both_sides_once() {
        let stored = [
            ("qkv.weight", weight_of_a_file(&[192, 64])),
            ("qkv.bias", Tensor::zeros([192], (Kind::Float, Device::Cpu))),
            ("proj.weight", weight_of_a_file(&[64, 64])),
            ("proj.bias", Tensor::zeros([64], (Kind::Float, Device::Cpu))),
        ];
        let stored: BTreeMap<_, _> =
            stored.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect();
        let attention = Attention::new(&VarBuilder::stored(stored, Device::Cpu), 64, 4);
        let [xs, context] =
            [9, 12].map(|tokens| Tensor::randn([1, tokens, 64], (Kind::Float, Device::Cpu)));
        let wanted = attention.cross_attention(&xs, &context);
        assert!(!attention.query.is_packed(), "gradients may be wanted");
        for _ in 0..3 {
            let found = anywhere::allowed(|| no_grad(|| attention.cross_attention(&xs, &context)));
            assert!(found.output.allclose(&wanted.output, 1e-4, 1e-5, false));
            assert!(found.weights.allclose(&wanted.weights, 1e-4, 1e-5, false));
        }
        assert!(attention.query.is_packed() && attention.key_value.is_packed());
    }
}
