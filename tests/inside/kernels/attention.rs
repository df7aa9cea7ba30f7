//! Attention on one sequence and on another.

use tch::{Device, Kind, Tensor, no_grad_guard};

use super::shim::Shim;
use super::{KINDS, error};
use crate::nn::native::kernels::attention::{cross_launch, self_launch, spread};
use crate::nn::native::kernels::source::ATTENTION;
use crate::nn::ops::Operation;
use crate::nn::ops::attention::{CrossAttention, SelfAttention};

fn random(shape: &[i64], kind: Kind) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu)).to_kind(kind)
}

/// As a part of the largest value: what rounding the result does.
fn allowed(rounding: f64) -> f64 {
    rounding.max(5e-6)
}

#[test]
fn tokens_gather_from_tokens_with_and_without_a_bias() {
    let shim = Shim::new(ATTENTION);
    let _guard = no_grad_guard();
    for (kind, rounding) in KINDS {
        for [batch, tokens, heads, dim] in [[1, 1, 1, 1], [2, 37, 2, 20], [1, 70, 2, 96]] {
            let qkv = random(&[batch, tokens, 3, heads, dim], kind);
            for biases in [None, Some(1), Some(batch)] {
                let bias = biases.map(|count| {
                    let bias = random(&[count, heads, 1, tokens], kind) * 3.0;
                    spread(&bias, [batch, heads, tokens], kind)
                });
                let gathered = Tensor::empty([batch, tokens, heads * dim], (kind, Device::Cpu));
                shim.run(&self_launch(&qkv, bias.as_ref(), &gathered).unwrap());
                let qkv = qkv.to_kind(Kind::Double);
                let bias = bias.map(|bias| bias.to_kind(Kind::Double));
                let wanted = SelfAttention { qkv: &qkv, bias: bias.as_ref() }.composite();
                let error = error(&gathered, &wanted);
                assert!(error < allowed(rounding), "{kind:?} {tokens} x {dim}: {error}");
            }
        }
    }
}

#[test]
fn tokens_gather_from_another_sequence_and_say_how_much_from_where() {
    let shim = Shim::new(ATTENTION);
    let _guard = no_grad_guard();
    for (kind, rounding) in KINDS {
        for [batch, queries, keys, heads, dim] in
            [[1, 1, 1, 1, 1], [2, 19, 33, 4, 20], [1, 35, 70, 2, 96]]
        {
            let query = random(&[batch, queries, heads, dim], kind);
            let key_value = random(&[batch, keys, 2, heads, dim], kind);
            let options = (kind, Device::Cpu);
            let gathered = Tensor::empty([batch, queries, heads * dim], options);
            let weights = Tensor::empty([batch, queries, keys], options);
            shim.run(&cross_launch(&query, &key_value, [&gathered, &weights]).unwrap());
            let (query, key_value) = (query.to_kind(Kind::Double), key_value.to_kind(Kind::Double));
            let (wanted, wanted_weights) =
                CrossAttention { query: &query, key_value: &key_value }.composite();
            let errors = [error(&gathered, &wanted), error(&weights, &wanted_weights)];
            assert!(
                errors.iter().all(|error| *error < allowed(rounding)),
                "{kind:?} {queries} x {keys} x {dim}: {errors:?}"
            );
        }
    }
}

#[test]
fn what_the_kernels_do_not_take_is_left_to_libtorch() {
    let wide = random(&[1, 4, 3, 1, 129], Kind::Float);
    assert!(self_launch(&wide, None, &wide).is_none(), "heads are too wide");
    let [query, key_value] =
        [[1, 2, 17, 8].as_slice(), &[1, 2, 2, 17, 8]].map(|shape| random(shape, Kind::Float));
    let launch = cross_launch(&query, &key_value, [&query, &query]);
    assert!(launch.is_none(), "there are too many heads");
    let doubles = random(&[1, 4, 3, 1, 8], Kind::Double);
    assert!(self_launch(&doubles, None, &doubles).is_none(), "the number format");
}
