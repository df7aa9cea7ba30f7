//! Expected positions under the softmax of scores (`soft_argmax.cu`).

use tch::{Kind, Tensor};

use crate::nn::native::kernels::launch::{Argument, Launch};
use crate::nn::native::kernels::serving::{prepared, run, type_name};
use crate::nn::native::kernels::source::SOFT_ARGMAX;

/// Threads that share a row.
const THREADS: u32 = 256;

/// `(x, y)` expected for each row of scores, `[..., 2]` in float32; `None` where the kernel does not serve.
///
/// # Shapes
/// `scores` `[..., rows * columns]`, `x` `[columns]` and `y` `[rows]` in float32.
pub(crate) fn expected_positions(
    scores: &Tensor,
    [x, y]: [&Tensor; 2],
    temperature: f64,
) -> Option<Tensor> {
    let [scores, x, y] = prepared([scores, x, y])?;
    let found = positions_of(&scores);
    run(&[launch(&scores, [&x, &y], &found, temperature)?], scores.device());
    Some(found)
}

/// Room for the positions.
pub(crate) fn positions_of(scores: &Tensor) -> Tensor {
    let mut shape = scores.size();
    shape.pop();
    shape.push(2);
    Tensor::empty(shape, (Kind::Float, scores.device()))
}

/// What is launched; `None` for sizes and number formats that it does not take.
pub(crate) fn launch<'a>(
    scores: &'a Tensor,
    [x, y]: [&'a Tensor; 2],
    found: &'a Tensor,
    temperature: f64,
) -> Option<Launch<'a>> {
    let cells = *scores.size().last()?;
    let columns = x.numel() as i64;
    if x.kind() != Kind::Float || y.kind() != Kind::Float || columns * y.numel() as i64 != cells {
        return None;
    }
    Some(Launch {
        source: SOFT_ARGMAX,
        entry: format!("soft_argmax_{}", type_name(scores.kind())?),
        arguments: vec![
            Argument::Values(scores),
            Argument::Values(x),
            Argument::Values(y),
            Argument::Values(found),
            Argument::Integer(i32::try_from(cells).ok()?),
            Argument::Integer(i32::try_from(columns).ok()?),
            Argument::Number((1.0 / temperature) as f32),
        ],
        grid: [u32::try_from(found.numel() as i64 / 2).ok()?, 1, 1],
        threads: THREADS,
    })
}
