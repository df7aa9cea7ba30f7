//! What the training-free matchers share: similarities of all positions, and cells as coordinates.

use tch::{Device, Kind, Tensor};

use crate::model::cost::{StageCost, Work};
use crate::model::features::{FeatureShape, Features};
use crate::nn::unit_length::unit_length;

/// Cosine of every source patch with every target patch, `[B, S, T]` in float32.
pub(crate) fn cosines(source: &Features, target: &Features) -> Tensor {
    unit_patches(source).bmm(&unit_patches(target).transpose(1, 2))
}

fn unit_patches(features: &Features) -> Tensor {
    unit_length(&features.last().patches().to_kind(Kind::Float)) // [B, N, D]
}

/// What all cosines of a pair take.
pub(crate) fn work(shape: &FeatureShape) -> StageCost {
    let cells = shape.side * shape.side;
    StageCost { name: "cosines", work: Work::pairwise(1, cells, shape.dim, cells) }
}

/// Column and row of every cell of a square grid, row by row: `[side * side, 2]`, float32.
pub(crate) fn cells(side: i64, device: Device) -> Tensor {
    let line = Tensor::arange(side, (Kind::Float, device));
    let columns = line.repeat([side]);
    let rows = line.repeat_interleave_self_int(side, None, None);
    Tensor::stack(&[columns, rows], 1)
}

/// The flow `[B, 2, G, G]` that takes every cell of the source grid to its match `[B, S, 2]` (column and
/// row on the target grid).
pub(crate) fn flow_to(matches: &Tensor, side: i64) -> Tensor {
    let steps = matches - cells(side, matches.device()); // [B, S, 2]
    steps.transpose(1, 2).contiguous().view([-1, 2, side, side])
}
