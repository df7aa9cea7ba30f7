//! Attention on the CPU in one go, faster than libtorch's: the more so for heads of few channels, and where the
//! weights are wanted, as these never lie in memory for all heads at once (`attention.cpp`).

use std::ptr;

use tch::{Device, Kind, Tensor};

use crate::nn::native::processor::{Vectors, vectors};
use crate::nn::native::tensor::{serves, values};

/// As in C++.
#[repr(C)]
struct Sizes {
    batch: i64,
    queries: i64,
    keys: i64,
    heads: i64,
    dim: i64,
}

unsafe extern "C" {
    fn lpmflow_self_attention(
        qkv: *const f32,
        bias: *const f32,
        out: *mut f32,
        sizes: Sizes,
        wide: bool,
    );

    fn lpmflow_cross_attention(
        query: *const f32,
        key_value: *const f32,
        out: *mut f32,
        weights: *mut f32,
        sizes: Sizes,
        wide: bool,
    );
}

/// Attention of every token to every token; `None` on processors without AVX2 and for tensors that do not
/// [`serves`] or have other shapes.
///
/// # Shapes
/// `qkv` `[B, N, 3, h, d]`, `bias` `[1, h, N, N]` or `[h, N, N]`, result `[B, N, h * d]`.
pub(crate) fn self_attention(qkv: &Tensor, bias: Option<&Tensor>) -> Option<Tensor> {
    self_attention_with(vectors()?, qkv, bias)
}

/// [`self_attention`] with such vectors, if this processor has them.
fn self_attention_with(with: Vectors, qkv: &Tensor, bias: Option<&Tensor>) -> Option<Tensor> {
    let Ok([batch, tokens, 3, heads, dim]) = <[i64; 5]>::try_from(qkv.size()) else { return None };
    let bias_fits = bias.is_none_or(|bias| {
        let size = bias.size();
        let is_shared = size == [1, heads, tokens, tokens] || size == [heads, tokens, tokens];
        is_shared && serves(bias)
    });
    if !bias_fits || !serves(qkv) || vectors() < Some(with) {
        return None;
    }
    let out = empty(&[batch, tokens, heads * dim]);
    let sizes = Sizes { batch, queries: tokens, keys: tokens, heads, dim };
    // Safety: the pointers are those of live float32 tensors in row-major order that have as many values as
    // the sizes say; `out` alone is written, and nobody else has it. The processor has the instructions.
    unsafe {
        lpmflow_self_attention(
            values(qkv),
            bias.map_or(ptr::null(), |bias| values(bias).cast_const()),
            values(&out),
            sizes,
            with == Vectors::Avx512,
        );
    }
    Some(out)
}

/// What tokens find in others, and the attention weights summed over the heads; `None` as for
/// [`self_attention`].
///
/// # Shapes
/// `query` `[B, S, h, d]`, `key_value` `[B, T, 2, h, d]`, results `[B, S, h * d]` and `[B, S, T]`.
pub(crate) fn cross_attention(query: &Tensor, key_value: &Tensor) -> Option<(Tensor, Tensor)> {
    cross_attention_with(vectors()?, query, key_value)
}

/// [`cross_attention`] with such vectors, if this processor has them.
fn cross_attention_with(
    with: Vectors,
    query: &Tensor,
    key_value: &Tensor,
) -> Option<(Tensor, Tensor)> {
    let [batch, queries, heads, dim] = <[i64; 4]>::try_from(query.size()).ok()?;
    let [_, keys, ..] = <[i64; 5]>::try_from(key_value.size()).ok()?;
    let fits = key_value.size() == [batch, keys, 2, heads, dim];
    if !fits || !serves(query) || !serves(key_value) || vectors() < Some(with) {
        return None;
    }
    let out = empty(&[batch, queries, heads * dim]);
    let weights = Tensor::zeros([batch, queries, keys], (Kind::Float, Device::Cpu));
    let sizes = Sizes { batch, queries, keys, heads, dim };
    // Safety: as above; `out` and `weights` are written.
    unsafe {
        lpmflow_cross_attention(
            values(query),
            values(key_value),
            values(&out),
            values(&weights),
            sizes,
            with == Vectors::Avx512,
        );
    }
    Some((out, weights))
}

fn empty(size: &[i64]) -> Tensor {
    Tensor::empty(size, (Kind::Float, Device::Cpu))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::shape::dims;
    use tch::no_grad;

    fn random(shape: &[i64], scale: f64) -> Tensor {
        Tensor::randn(shape, (Kind::Float, Device::Cpu)) * scale
    }

    /// Softmax of the scaled products, step by step in float64: what is gathered, and the weights.
    fn by_steps(query: &Tensor, key: &Tensor, value: &Tensor, bias: &Tensor) -> (Tensor, Tensor) {
        let [_, tokens, heads, dim] = dims(query);
        let [query, key, value] =
            [query, key, value].map(|xs| xs.to_kind(Kind::Double).transpose(1, 2)); // [B, h, N, d]
        let logits = query.matmul(&key.transpose(2, 3)) / (dim as f64).sqrt() + bias;
        let weights = logits.softmax(-1, Kind::Double);
        let gathered = weights.matmul(&value).transpose(1, 2).reshape([-1, tokens, heads * dim]);
        (gathered.to_kind(Kind::Float), weights.to_kind(Kind::Float))
    }

    /// The vectors that this processor has.
    fn there_are() -> Vec<Vectors> {
        let known = [Vectors::Avx2, Vectors::Avx512].into_iter();
        known.filter(|&with| Some(with) <= vectors()).collect()
    }

    #[test]
    fn self_attention_is_the_softmax_of_scaled_products_for_all_sizes() {
        for (tokens, dim) in [(1, 12), (5, 20), (16, 12), (17, 96), (64, 3), (257, 64)] {
            for (batch, scale) in [(1, 1.0), (3, 6.0)] {
                // Logits grow with the square, and so does what their rounding changes.
                let rounding = 2e-5 * scale * scale;
                let qkv = random(&[batch, tokens, 3, 4, dim], scale);
                let bias = random(&[1, 4, tokens, tokens], 2.0);
                let [query, key, value] = [0, 1, 2].map(|part| qkv.select(2, part));
                for with in there_are() {
                    let plain = no_grad(|| self_attention_with(with, &qkv, None)).unwrap();
                    let (wanted, _) = by_steps(&query, &key, &value, &bias.zeros_like());
                    assert!(plain.allclose(&wanted, 1e-4, rounding, false), "{tokens} x {dim}");
                    let biased = no_grad(|| self_attention_with(with, &qkv, Some(&bias))).unwrap();
                    let (wanted, _) = by_steps(&query, &key, &value, &bias);
                    assert!(biased.allclose(&wanted, 1e-4, rounding, false), "{tokens} x {dim}");
                }
            }
        }
    }

    #[test]
    fn cross_attention_also_sums_its_weights_over_the_heads() {
        for (sources, targets, dim) in [(1, 1, 4), (7, 33, 12), (257, 100, 96), (130, 257, 20)] {
            let query = random(&[2, sources, 4, dim], 3.0);
            let key_value = random(&[2, targets, 2, 4, dim], 1.0);
            let [key, value] = [0, 1].map(|part| key_value.select(2, part));
            let (gathered, weights) = by_steps(&query, &key, &value, &Tensor::from(0.0));
            let sums = weights.sum_dim_intlist([1i64].as_slice(), false, None::<Kind>);
            for with in there_are() {
                let (found, found_sums) =
                    no_grad(|| cross_attention_with(with, &query, &key_value)).unwrap();
                assert!(found.allclose(&gathered, 1e-4, 1e-5, false), "{sources} {targets} {dim}");
                assert!(found_sums.allclose(&sums, 1e-4, 1e-6, false), "{sources} {targets} {dim}");
            }
        }
    }

    #[test]
    fn gradients_other_shapes_and_vectors_that_are_not_there_are_left_to_libtorch() {
        let qkv = random(&[1, 4, 3, 2, 8], 1.0);
        assert!(self_attention(&qkv, None).is_none(), "gradients may be wanted");
        no_grad(|| {
            assert!(self_attention(&qkv.to_kind(Kind::Double), None).is_none());
            let per_photo = random(&[2, 2, 4, 4], 1.0);
            assert!(self_attention(&qkv, Some(&per_photo)).is_none());
            let key_value = random(&[1, 4, 2, 2, 6], 1.0);
            assert!(cross_attention(&qkv.select(2, 0), &key_value).is_none());
            for with in [Vectors::Avx2, Vectors::Avx512] {
                let served = self_attention_with(with, &qkv, None).is_some();
                assert_eq!(served, there_are().contains(&with));
            }
        });
    }
}
