//! Attention on the CPU in one go: the logits of all heads never lie in memory together.

use std::ffi::c_void;
use std::ptr;

use tch::{Kind, Tensor};

use crate::nn::shape::dims;

#[allow(unsafe_code, reason = "functions of ours in C++, see attention.cpp")]
unsafe extern "C" {
    fn lpmflow_self_attention(
        qkv: *const c_void,
        bias: *const c_void,
        out: *const c_void,
        narrow: bool,
    ) -> bool;

    fn lpmflow_cross_attention(
        query: *const c_void,
        key_value: *const c_void,
        out: *const c_void,
        weights: *const c_void,
        narrow: bool,
    ) -> bool;
}

/// Attention of every token to every token, or `None` where there is no such function: on other devices and
/// processors, in other precisions, where gradients are wanted and while a network is traced.
///
/// # Shapes
/// `qkv` `[B, N, 3, h, d]`, `bias` `[1, h, N, N]`, result `[B, N, h * d]`.
pub fn self_attention(qkv: &Tensor, bias: Option<&Tensor>) -> Option<Tensor> {
    self_attention_on(qkv, bias, Vectors::Widest)
}

/// What tokens find in others, and the attention weights summed over the heads; `None` as for
/// [`self_attention`].
///
/// # Shapes
/// `query` `[B, S, h, d]`, `key_value` `[B, T, 2, h, d]`, results `[B, S, h * d]` and `[B, S, T]`.
pub fn cross_attention(query: &Tensor, key_value: &Tensor) -> Option<(Tensor, Tensor)> {
    cross_attention_on(query, key_value, Vectors::Widest)
}

/// Which vector instructions to use.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Vectors {
    Widest,
    /// AVX2's, for tests.
    #[cfg(test)]
    Narrow,
}

fn self_attention_on(qkv: &Tensor, bias: Option<&Tensor>, vectors: Vectors) -> Option<Tensor> {
    let [batch, tokens, parts, heads, dim] = dims(qkv);
    assert_eq!(parts, 3, "queries, keys and values");
    if let Some(bias) = bias {
        assert_eq!(bias.size(), [1, heads, tokens, tokens]);
    }
    let out = Tensor::empty([batch, tokens, heads * dim], (Kind::Float, qkv.device()));
    // Safety: the pointers are those of live tensors of the shapes that C++ takes them for; it writes `out`
    // alone, and only if all are float32 on the CPU.
    #[allow(unsafe_code, reason = "a function of ours in C++, see attention.cpp")]
    let done = unsafe {
        lpmflow_self_attention(
            qkv.as_ptr().cast(),
            bias.map_or(ptr::null(), |bias| bias.as_ptr().cast()),
            out.as_ptr().cast(),
            vectors != Vectors::Widest,
        )
    };
    done.then_some(out)
}

fn cross_attention_on(
    query: &Tensor,
    key_value: &Tensor,
    vectors: Vectors,
) -> Option<(Tensor, Tensor)> {
    let [batch, sources, heads, dim] = dims(query);
    let [_, targets, _, _, _] = dims(key_value);
    assert_eq!(key_value.size(), [batch, targets, 2, heads, dim]);
    let options = (Kind::Float, query.device());
    let out = Tensor::empty([batch, sources, heads * dim], options);
    let weights = Tensor::zeros([batch, sources, targets], options);
    // Safety: as above; `out` and `weights` are written.
    #[allow(unsafe_code, reason = "a function of ours in C++, see attention.cpp")]
    let done = unsafe {
        lpmflow_cross_attention(
            query.as_ptr().cast(),
            key_value.as_ptr().cast(),
            out.as_ptr().cast(),
            weights.as_ptr().cast(),
            vectors != Vectors::Widest,
        )
    };
    done.then_some((out, weights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, no_grad};

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

    /// Whether this processor has the function at all.
    fn serves() -> bool {
        let served = no_grad(|| self_attention(&random(&[1, 1, 3, 1, 4], 1.0), None)).is_some();
        if !served {
            println!("skipped: neither AVX2 nor AVX-512 here");
        }
        served
    }

    #[test]
    fn self_attention_is_the_softmax_of_scaled_products_for_all_sizes() {
        if !serves() {
            return;
        }
        for (tokens, dim) in [(1, 12), (5, 20), (16, 12), (17, 96), (64, 3), (257, 64)] {
            for (batch, scale) in [(1, 1.0), (3, 6.0)] {
                // Logits grow with the square, and so does what their rounding changes.
                let rounding = 2e-5 * scale * scale;
                let qkv = random(&[batch, tokens, 3, 4, dim], scale);
                let bias = random(&[1, 4, tokens, tokens], 2.0);
                let [query, key, value] = [0, 1, 2].map(|part| qkv.select(2, part));
                for vectors in [Vectors::Widest, Vectors::Narrow] {
                    let plain = no_grad(|| self_attention_on(&qkv, None, vectors)).unwrap();
                    let (wanted, _) = by_steps(&query, &key, &value, &bias.zeros_like());
                    assert!(plain.allclose(&wanted, 1e-4, rounding, false), "{tokens} x {dim}");
                    let biased = no_grad(|| self_attention_on(&qkv, Some(&bias), vectors)).unwrap();
                    let (wanted, _) = by_steps(&query, &key, &value, &bias);
                    assert!(biased.allclose(&wanted, 1e-4, rounding, false), "{tokens} x {dim}");
                }
            }
        }
    }

    #[test]
    fn cross_attention_also_sums_its_weights_over_the_heads() {
        if !serves() {
            return;
        }
        for (sources, targets, dim) in [(1, 1, 4), (7, 33, 12), (257, 100, 96), (130, 257, 20)] {
            let query = random(&[2, sources, 4, dim], 3.0);
            let key_value = random(&[2, targets, 2, 4, dim], 1.0);
            let [key, value] = [0, 1].map(|part| key_value.select(2, part));
            let (gathered, weights) = by_steps(&query, &key, &value, &Tensor::from(0.0));
            let sums = weights.sum_dim_intlist([1i64].as_slice(), false, None::<Kind>);
            for vectors in [Vectors::Widest, Vectors::Narrow] {
                let (found, found_sums) =
                    no_grad(|| cross_attention_on(&query, &key_value, vectors)).unwrap();
                assert!(found.allclose(&gathered, 1e-4, 1e-5, false), "{sources} {targets} {dim}");
                assert!(found_sums.allclose(&sums, 1e-4, 1e-6, false), "{sources} {targets} {dim}");
            }
        }
    }

    #[test]
    fn gradients_and_other_precisions_are_left_to_libtorch() {
        let qkv = random(&[1, 4, 3, 2, 8], 1.0);
        assert!(self_attention(&qkv, None).is_none(), "gradients may be wanted");
        no_grad(|| assert!(self_attention(&qkv.to_kind(Kind::Double), None).is_none()));
    }
}
