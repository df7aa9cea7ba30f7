//! Attention: what tokens gather from tokens, each as much as its query resembles their keys.

use tch::{Device, Kind, Tensor};

use crate::nn::native;
use crate::nn::ops::Operation;
use crate::nn::shape::dims;

/// Every token attends to every token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelfAttention<'a> {
    /// Queries, keys and values, `[B, N, 3, h, d]`.
    pub qkv: &'a Tensor,
    /// Added to the logits: whatever is broadcastable to `[B, h, N, N]`.
    pub bias: Option<&'a Tensor>,
}

impl Operation for SelfAttention<'_> {
    /// What was gathered, `[B, N, h * d]`.
    type Output = Tensor;

    fn device(&self) -> Device {
        self.qkv.device()
    }

    fn composite(&self) -> Tensor {
        let [query, key, value] = [0, 1, 2].map(|part| self.qkv.select(2, part).transpose(1, 2)); // [B, h, N, d]
        if let Some(bias) =
            self.bias.filter(|bias| bias.requires_grad() && !bias.device().is_cuda())
        {
            // libtorch's own has no fast form for a bias that learns, and takes it for a mask: it looks among the
            // logits for rows that are masked as a whole.
            let logits = logits(&query, &key) + bias; // [B, h, N, N]
            return join_heads(&logits.softmax(-1, None).matmul(&value));
        }
        let gathered = Tensor::scaled_dot_product_attention(
            &query, &key, &value, self.bias, 0.0, false, None, false,
        );
        join_heads(&gathered)
    }

    /// Serves a bias that is the same for the whole batch.
    fn cpu(&self) -> Option<Tensor> {
        native::attention::self_attention(self.qkv, self.bias)
    }

    fn cuda(&self) -> Option<Tensor> {
        native::kernels::attention::self_attention(self.qkv, self.bias)
    }
}

/// Every token of one sequence attends to every token of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrossAttention<'a> {
    /// `[B, S, h, d]`.
    pub query: &'a Tensor,
    /// Keys and values, `[B, T, 2, h, d]`.
    pub key_value: &'a Tensor,
}

impl Operation for CrossAttention<'_> {
    /// What was gathered, `[B, S, h * d]`, and the attention weights summed over the heads, `[B, S, T]`.
    type Output = (Tensor, Tensor);

    fn device(&self) -> Device {
        self.query.device()
    }

    fn composite(&self) -> (Tensor, Tensor) {
        let query = self.query.transpose(1, 2); // [B, h, S, d]
        let [key, value] = [0, 1].map(|part| self.key_value.select(2, part).transpose(1, 2)); // [B, h, T, d]
        let weights = logits(&query, &key).softmax(-1, None); // [B, h, S, T]
        let gathered = join_heads(&weights.matmul(&value));
        (gathered, weights.sum_dim_intlist([1i64].as_slice(), false, None::<Kind>)) // [B, S, T]
    }

    fn cpu(&self) -> Option<(Tensor, Tensor)> {
        native::attention::cross_attention(self.query, self.key_value)
    }

    fn cuda(&self) -> Option<(Tensor, Tensor)> {
        native::kernels::attention::cross_attention(self.query, self.key_value)
    }
}

/// How much queries `[B, h, S, d]` resemble keys `[B, h, T, d]`: `[B, h, S, T]`.
fn logits(query: &Tensor, key: &Tensor) -> Tensor {
    let [.., head_dim] = dims::<4>(query);
    (query * (head_dim as f64).powf(-0.5)).matmul(&key.transpose(2, 3))
}

/// `[B, h, N, d]` to `[B, N, h * d]`.
fn join_heads(xs: &Tensor) -> Tensor {
    let [_, heads, tokens, dim] = dims(xs);
    xs.transpose(1, 2).reshape([-1, tokens, heads * dim])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::no_grad;

    fn random(shape: &[i64], scale: f64) -> Tensor {
        Tensor::randn(shape, (Kind::Float, Device::Cpu)) * scale
    }

    #[test]
    fn every_broadcastable_bias_is_added_alike() {
        let [batch, heads, tokens] = [2, 4, 5];
        let qkv = random(&[batch, tokens, 3, heads, 8], 1.0);
        let full = [batch, heads, tokens, tokens];
        for size in [
            vec![1, heads, tokens, tokens],
            vec![heads, tokens, tokens],
            vec![batch, heads, tokens, tokens],
            vec![batch, 1, tokens, tokens],
            vec![1, 1, tokens, tokens],
            vec![1, heads, 1, tokens],
            vec![tokens, tokens],
        ] {
            let bias = random(&size, 2.0);
            let spread = bias.expand(full, false).contiguous();
            let found = no_grad(|| SelfAttention { qkv: &qkv, bias: Some(&bias) }.run());
            let wanted = no_grad(|| SelfAttention { qkv: &qkv, bias: Some(&spread) }.composite());
            assert!(found.allclose(&wanted, 1e-5, 1e-6, false), "{size:?}");
        }
    }

    #[test]
    fn the_fast_forms_equal_the_composite_ones() {
        let qkv = random(&[2, 37, 3, 4, 20], 1.0);
        let bias = random(&[1, 4, 37, 37], 2.0);
        let query = random(&[2, 19, 4, 20], 1.0);
        let key_value = random(&[2, 33, 2, 4, 20], 1.0);
        no_grad(|| {
            for bias in [None, Some(&bias)] {
                let attention = SelfAttention { qkv: &qkv, bias };
                if let Some(fast) = attention.cpu() {
                    assert!(fast.allclose(&attention.composite(), 1e-4, 1e-5, false));
                }
            }
            let attention = CrossAttention { query: &query, key_value: &key_value };
            if let Some((gathered, weights)) = attention.cpu() {
                let (wanted, wanted_weights) = attention.composite();
                assert!(gathered.allclose(&wanted, 1e-4, 1e-5, false));
                assert!(weights.allclose(&wanted_weights, 1e-4, 1e-5, false));
            }
        });
    }

    #[test]
    fn there_is_a_fast_form_wherever_there_are_vectors() {
        let qkv = random(&[1, 4, 3, 2, 8], 1.0);
        let attention = SelfAttention { qkv: &qkv, bias: None };
        let served = no_grad(|| attention.cpu().is_some());
        assert_eq!(served, native::processor::vectors().is_some());
    }
}
