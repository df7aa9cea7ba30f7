//! The weighted sum over a disc of neighbouring matches (`neighbours.cu`).

use tch::Tensor;

use crate::nn::native::kernels::disc::KernelDisc;
use crate::nn::native::kernels::launch::{Argument, Launch};
use crate::nn::native::kernels::serving::{blocks, prepared, run, type_name};
use crate::nn::native::kernels::source::NEIGHBOURS;

/// As in the source.
const THREADS: u32 = 256;
const TILE: i64 = 32;
const RUN: i64 = 4;

/// The sum for every pair of cells; `None` where the kernel does not serve.
///
/// # Shapes
/// `probabilities` and result `[B, source row, source column, target row, target column]`.
pub(crate) fn weighted_sum(
    probabilities: &Tensor,
    weights: &[f64],
    half_widths: &[usize],
) -> Option<Tensor> {
    let [probabilities] = prepared([probabilities])?;
    let (disc, out) = (KernelDisc::new(weights, half_widths)?, probabilities.empty_like());
    run(&[launch(&probabilities, &out, &disc)?], probabilities.device());
    Some(out)
}

/// What is launched; `None` for sizes and number formats that it does not take.
pub(crate) fn launch<'a>(
    probabilities: &'a Tensor,
    out: &'a Tensor,
    disc: &'a KernelDisc,
) -> Option<Launch<'a>> {
    let [batch, source_rows, source_columns, target_rows, target_columns] =
        <[i64; 5]>::try_from(probabilities.size()).ok()?;
    let sides = [source_rows, source_columns, target_rows, target_columns];
    let [source_rows, source_columns, target_rows, target_columns] =
        sides.map(|side| i32::try_from(side).ok().map(Argument::Integer));
    let tiles = blocks(sides[0], RUN)? * blocks(sides[1], TILE)? * blocks(sides[3], TILE)?;
    Some(Launch {
        source: NEIGHBOURS,
        entry: format!("neighbour_sum_{}", type_name(probabilities.kind())?),
        arguments: vec![
            Argument::Values(probabilities),
            Argument::Values(out),
            source_rows?,
            source_columns?,
            target_rows?,
            target_columns?,
            Argument::Disc(disc),
        ],
        grid: [u32::try_from(sides[2] + RUN - 1).ok()?, tiles, u32::try_from(batch).ok()?],
        threads: THREADS,
    })
}
