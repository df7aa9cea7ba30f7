//! Multi-head attention with one fused projection for queries, keys and values.

use tch::{Kind, Tensor};

use crate::nn::layers::linear::Linear;
use crate::nn::ops;
use crate::nn::parameters::VarBuilder;
use crate::nn::shape::dims;

/// Multi-head attention; variables `qkv` and `proj`.
#[derive(Debug)]
pub struct Attention {
    qkv: Linear,
    proj: Linear,
    heads: i64,
    dim: i64,
}

/// What attention from one image to another yields.
#[derive(Debug)]
pub struct CrossAttention {
    /// Gathered and projected values, `[B, S, D]`.
    pub output: Tensor,
    /// How much each query attends to each key, summed over the heads: `[B, S, T]`, rows sum to their
    /// number.
    pub weights: Tensor,
}

impl Attention {
    /// Attention over `dim` values in `heads` heads.
    pub fn new(path: &VarBuilder, dim: i64, heads: i64) -> Self {
        assert_eq!(dim % heads, 0, "{dim} values do not divide into {heads} heads");
        Self {
            qkv: Linear::new(&(path / "qkv"), dim, 3 * dim),
            proj: Linear::new(&(path / "proj"), dim, dim),
            heads,
            dim,
        }
    }

    /// Every token attends to every token; `bias` is added to the logits.
    ///
    /// # Shapes
    /// `xs` `[B, N, D]`, `bias` broadcastable to `[B, h, N, N]`, result `[B, N, D]`.
    pub fn self_attention(&self, xs: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let [_, tokens, dim] = dims(xs);
        let qkv = self.qkv.forward(xs).view([-1, tokens, 3, self.heads, dim / self.heads]); // [B, N, 3, h, d]
        if let Some(gathered) = ops::attention::self_attention(&qkv, bias) {
            return self.proj.forward(&gathered);
        }
        let [query, key, value] = [0, 1, 2].map(|part| qkv.select(2, part).transpose(1, 2)); // [B, h, N, d]
        let gathered = Tensor::scaled_dot_product_attention(
            &query, &key, &value, bias, 0.0, false, None, false,
        );
        self.proj.forward(&self.join_heads(&gathered))
    }

    /// Every token of `xs` attends to every token of `context`. Only the projections in use are
    /// computed: queries of one side, keys and values of the other.
    ///
    /// # Shapes
    /// `xs` `[B, S, D]`, `context` `[B, T, D]`.
    pub fn cross_attention(&self, xs: &Tensor, context: &Tensor) -> CrossAttention {
        let [_, context_tokens, dim] = dims(context);
        let head_dim = dim / self.heads;
        let query = self.qkv.part(0, dim).forward(xs);
        let query = query.view([-1, xs.size()[1], self.heads, head_dim]); // [B, S, h, d]
        let key_value = self.qkv.part(dim, 2 * dim).forward(context);
        let key_value = key_value.view([-1, context_tokens, 2, self.heads, head_dim]); // [B, T, 2, h, d]
        if let Some((gathered, weights)) = ops::attention::cross_attention(&query, &key_value) {
            return CrossAttention { output: self.proj.forward(&gathered), weights };
        }
        let query = query.transpose(1, 2) * (head_dim as f64).powf(-0.5); // [B, h, S, d]
        let key = key_value.select(2, 0).permute([0, 2, 3, 1]); // [B, h, d, T]
        let value = key_value.select(2, 1).transpose(1, 2); // [B, h, T, d]
        let weights = query.matmul(&key).softmax(-1, None); // [B, h, S, T]
        let output = self.proj.forward(&self.join_heads(&weights.matmul(&value)));
        let weights = weights.sum_dim_intlist([1i64].as_slice(), false, None::<Kind>); // [B, S, T]
        CrossAttention { output, weights }
    }

    /// `[B, h, N, d]` to `[B, N, D]`.
    fn join_heads(&self, xs: &Tensor) -> Tensor {
        let tokens = xs.size()[2];
        xs.transpose(1, 2).reshape([-1, tokens, self.dim])
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn cross_attention_to_itself_equals_self_attention() {
        let attention = Attention::new(&VarBuilder::fresh(Device::Cpu), 16, 4);
        let xs = Tensor::randn([2, 9, 16], (Kind::Float, Device::Cpu)) * 20.0;
        let cross = attention.cross_attention(&xs, &xs);
        assert!(cross.output.allclose(&attention.self_attention(&xs, None), 1e-4, 1e-6, false));
        let row_sums = cross.weights.sum_dim_intlist(-1, false, None);
        assert!(row_sums.allclose(&row_sums.full_like(4.0), 1e-5, 1e-6, false));
    }
}
