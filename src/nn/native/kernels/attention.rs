//! Attention (`attention.cu`).

use tch::{Kind, Tensor};

use crate::nn::native::kernels::launch::{Argument, Launch};
use crate::nn::native::kernels::serving::{blocks, prepared, run, type_name};
use crate::nn::native::kernels::source::ATTENTION;
use crate::nn::shape::dims;

/// As in the source.
const THREADS: u32 = 128;
const QUERIES: i64 = 32;
const MOST_DIM: i64 = 128;
const MOST_HEADS: i64 = 16;

/// Blocks that fill a GPU.
const BLOCKS: i64 = 128;

/// What every token gathers from every token, `[B, N, h * d]`; `None` where the kernel does not serve.
///
/// # Shapes
/// `qkv` `[B, N, 3, h, d]`; `bias` broadcastable to `[B, h, N, N]`.
pub(crate) fn self_attention(qkv: &Tensor, bias: Option<&Tensor>) -> Option<Tensor> {
    let [batch, tokens, _, heads, dim] = <[i64; 5]>::try_from(qkv.size()).ok()?;
    let (qkv, bias) = match bias {
        None => (prepared([qkv])?.into_iter().next()?, None),
        Some(bias) => {
            let [qkv, bias] = prepared([qkv, bias])?;
            let bias = spread(&bias, [batch, heads, tokens], qkv.kind());
            (qkv, Some(bias))
        }
    };
    let gathered = Tensor::empty([batch, tokens, heads * dim], (qkv.kind(), qkv.device()));
    run(&[self_launch(&qkv, bias.as_ref(), &gathered)?], qkv.device());
    Some(gathered)
}

/// A bias as the kernel reads it: `[1 or B, h, N, N]`.
pub(crate) fn spread(bias: &Tensor, [batch, heads, tokens]: [i64; 3], kind: Kind) -> Tensor {
    let shared = bias.dim() < 4 || bias.size()[0] == 1;
    let shape = [if shared { 1 } else { batch }, heads, tokens, tokens];
    bias.to_kind(kind).expand(shape, false).contiguous()
}

/// What is launched; `None` for sizes and number formats that it does not take.
pub(crate) fn self_launch<'a>(
    qkv: &'a Tensor,
    bias: Option<&'a Tensor>,
    gathered: &'a Tensor,
) -> Option<Launch<'a>> {
    let [batch, tokens, _, heads, dim] = dims(qkv);
    if dim > MOST_DIM {
        return None;
    }
    let integer = |value: i64| i32::try_from(value).ok().map(Argument::Integer);
    Some(Launch {
        source: ATTENTION,
        entry: format!("self_attention_{}", type_name(qkv.kind())?),
        arguments: vec![
            Argument::Values(qkv),
            bias.map_or(Argument::Nothing, Argument::Values),
            Argument::Values(gathered),
            integer(tokens)?,
            integer(heads)?,
            integer(dim)?,
            integer(bias.map_or(1, |bias| bias.size()[0]))?,
            Argument::Number((dim as f32).powf(-0.5)),
        ],
        grid: [blocks(tokens, QUERIES)?, u32::try_from(heads).ok()?, u32::try_from(batch).ok()?],
        threads: THREADS,
    })
}

/// What every token of one sequence gathers from another, `[B, S, h * d]`, and the weights summed over the heads,
/// `[B, S, T]`; `None` where the kernel does not serve.
///
/// # Shapes
/// `query` `[B, S, h, d]`, `key_value` `[B, T, 2, h, d]`.
pub(crate) fn cross_attention(query: &Tensor, key_value: &Tensor) -> Option<(Tensor, Tensor)> {
    let [query, key_value] = prepared([query, key_value])?;
    let [batch, queries, heads, dim] = <[i64; 4]>::try_from(query.size()).ok()?;
    let options = (query.kind(), query.device());
    let gathered = Tensor::empty([batch, queries, heads * dim], options);
    let weights = Tensor::empty([batch, queries, key_value.size()[1]], options);
    run(&[cross_launch(&query, &key_value, [&gathered, &weights])?], query.device());
    Some((gathered, weights))
}

/// What is launched; `None` for sizes and number formats that it does not take.
pub(crate) fn cross_launch<'a>(
    query: &'a Tensor,
    key_value: &'a Tensor,
    [gathered, weights]: [&'a Tensor; 2],
) -> Option<Launch<'a>> {
    let [batch, queries, heads, dim] = dims(query);
    if dim > MOST_DIM || heads > MOST_HEADS || key_value.kind() != query.kind() {
        return None;
    }
    let integer = |value: i64| i32::try_from(value).ok().map(Argument::Integer);
    let own = blocks(queries, QUERIES)?;
    let parts = (BLOCKS / (i64::from(own) * batch)).clamp(1, heads);
    Some(Launch {
        source: ATTENTION,
        entry: format!("cross_attention_{}", type_name(query.kind())?),
        arguments: vec![
            Argument::Values(query),
            Argument::Values(key_value),
            Argument::Values(gathered),
            Argument::Values(weights),
            integer(queries)?,
            integer(key_value.size()[1])?,
            integer(heads)?,
            integer(dim)?,
            Argument::Number((dim as f32).powf(-0.5)),
        ],
        grid: [own, u32::try_from(batch).ok()?, u32::try_from(parts).ok()?],
        threads: THREADS,
    })
}
