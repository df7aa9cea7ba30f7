//! Additive attention over all matches of a pair (Wu et al., Fastformer, 2021), with rotary positions.

use tch::{Kind, Tensor};

use crate::model::matcher::transformatcher::config::WIDTH;
use crate::model::matcher::transformatcher::phases::Phases;
use crate::nn::layers::linear::Linear;
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::shape::dims;

/// One attention with its variables.
///
/// All of a head's tokens are summed up in one query and one key. Given these, everything is linear in a token, so that
/// what the attention adds to it is one matrix for all: queries, keys and values of tokens are never made.
#[derive(Debug)]
pub(super) struct SummedAttention {
    /// `[3 h * WIDTH, D]`: queries, keys and values.
    to_all: Tensor,
    /// How much a query counts, `[1, WIDTH]`.
    query_scores: Tensor,
    /// How much a key counts, `[1, WIDTH / 2]`.
    key_scores: Tensor,
    /// From what key and value have in common to a result, `WIDTH / 2` to `WIDTH`.
    to_result: Linear,
    to_out: Linear,
    heads: i64,
}

impl SummedAttention {
    /// Builds the variables under `path`.
    pub(super) fn new(path: &VarBuilder, dim: i64, heads: i64) -> Self {
        let inner = heads * WIDTH;
        let weight = |name: &str, outputs: i64, inputs: i64| {
            let bound = Init::Uniform(1.0 / (inputs as f64).sqrt());
            (path / name).parameter("weight", &[outputs, inputs], bound)
        };
        Self {
            to_all: weight("to_qkv", 3 * inner, dim),
            query_scores: weight("to_q_attn_logits", 1, WIDTH),
            key_scores: weight("to_k_attn_logits", 1, WIDTH / 2),
            to_result: Linear::new(&(path / "to_r"), WIDTH / 2, WIDTH),
            to_out: Linear::new(&(path / "to_out"), inner, dim),
            heads,
        }
    }

    /// What the attention makes of tokens, `[B, N, D]`, by the phases of their positions.
    pub(super) fn forward(&self, xs: &Tensor, phases: &Phases) -> Tensor {
        let heads = self.heads;
        let parts = self.to_all.view([3, heads, WIDTH, -1]); // [3, h, W, D]
        let [queries, keys, values] = [0, 1, 2].map(|part| parts.get(part));
        let scale = (WIDTH as f64).powf(-0.5);

        let counting = self.query_scores.matmul(&queries) * scale; // [h, 1, D]
        let query = summed(xs, &counting.squeeze_dim(1).unsqueeze(0), &queries, phases); // [B, h, W]

        // A key counts by its product with the query, whose values are weighed in pairs.
        let pairs = self.key_scores.repeat_interleave_self_int(2, 1, None) * scale; // [1, W]
        let counting = (&query * pairs).unsqueeze(2).matmul(&keys).squeeze_dim(2); // [B, h, D]
        let key = summed(xs, &counting, &keys, phases); // [B, h, W]

        // A result is the query and what the products of key and value, summed in pairs, become.
        let common = self.to_result.weight.repeat_interleave_self_int(2, 1, None); // [W, W]
        let valued = (key.unsqueeze(2) * common).matmul(&values); // [B, h, W, D]
        let results = (valued + queries).flatten(1, 2); // [B, h * W, D]
        let map = self.to_out.weight.matmul(&results); // [B, D, D]
        let bias = self.to_out.weight.mv(&self.to_result.bias.repeat([heads])) + &self.to_out.bias;
        xs.matmul(&map.transpose(1, 2)) + bias
    }
}

/// The sum of all tokens' rotated `vectors`, weighed by the softmax of how much they count.
///
/// # Shapes
/// `xs` `[B, N, D]`, `counting` `[B or 1, h, D]`, `vectors` `[h, W, D]`; result `[B, h, W]`.
fn summed(xs: &Tensor, counting: &Tensor, vectors: &Tensor, phases: &Phases) -> Tensor {
    let weights = counting.matmul(&xs.transpose(1, 2)).softmax(-1, None::<Kind>); // [B, h, N]
    // Rotation is linear too: the weighed sums of tokens by each of its sines and cosines are all it needs.
    let turned = (weights.unsqueeze(2) * phases.table()).flatten(1, 2); // [B, h * P, N]
    let [_, heads, _] = dims(&weights);
    let sums = turned.matmul(xs).unflatten(1, [heads, -1].as_slice()); // [B, h, P, D]
    phases.rotated(&sums.matmul(&vectors.transpose(1, 2))) // of [B, h, P, W]
}
