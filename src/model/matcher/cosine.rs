//! What the training-free matchers share: similarities of all positions, and cells as coordinates.

use tch::{Device, Kind, Tensor};

use crate::model::cost::{StageCost, Work};
use crate::model::features::{FeatureShape, Features};
use crate::nn::unit_length::unit_length;

/// Most rows and columns of cells that are shown; of finer grids several cells become one.
const MOST_CELLS: i64 = 40;

/// Cosine of every source patch with every target patch, `[B, S, T]` in float32.
pub(crate) fn cosines(source: &Features, target: &Features) -> Tensor {
    unit_patches(source).bmm(&unit_patches(target).transpose(1, 2))
}

fn unit_patches(features: &Features) -> Tensor {
    unit_length(&features.last().patches().to_kind(Kind::Float)) // [B, N, D]
}

/// What all cosines of a pair take.
pub(crate) fn work(shape: &FeatureShape) -> StageCost {
    let cells = shape.side() * shape.side();
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

/// The flow `[B, 2, rows, columns]` that takes every cell of the source's grid to a cell of the target's, `[B, S]`, whose
/// grid may be another: in cells of the source's, as if both grids had the same form.
pub(crate) fn flow_between(best: &Tensor, [source, target]: [FeatureShape; 2]) -> Tensor {
    let line = |length: i64| Tensor::arange(length, (Kind::Float, best.device()));
    let along = |cells: Tensor, length: i64, own: Tensor, own_length: i64| {
        let matched = if length == own_length {
            cells
        } else {
            (cells + 0.5) * (own_length as f64 / length as f64) - 0.5
        };
        matched - own // [B, rows, columns]
    };
    let grid = [-1, source.rows, source.columns];
    let [columns, rows] =
        [best.remainder(target.columns), best.divide_scalar_mode(target.columns, "floor")]
            .map(|cells| cells.view(grid).to_kind(Kind::Float));
    let dx = along(columns, target.columns, line(source.columns), source.columns);
    let dy = along(rows, target.rows, line(source.rows).unsqueeze(1), source.rows);
    Tensor::stack(&[dx, dy], 1)
}

/// The deepest features of photos, with the means of several cells instead of each where there are too many.
///
/// # Shapes
/// Tokens `[B, 1 + G * G, D]` to `[B, g * g, D]`, in float32; the class token, if any, goes.
pub(crate) fn pooled(features: &Features) -> Features {
    let last = features.last().on_square();
    let shape = last.shape;
    let cells_in_one = (shape.side() + MOST_CELLS - 1) / MOST_CELLS;
    let side = shape.side() / cells_in_one;
    let tokens = last.patches().to_kind(Kind::Float); // [B, G * G, D]
    let tokens = if cells_in_one == 1 {
        tokens
    } else {
        let map = tokens.transpose(1, 2).reshape([-1, shape.dim, shape.side(), shape.side()]);
        map.adaptive_avg_pool2d([side, side]).flatten(2, 3).transpose(1, 2) // [B, g * g, D]
    };
    Features::last_alone(tokens, FeatureShape::square(shape.dim, side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::matcher::test_fields::field;

    #[test]
    fn fine_grids_become_coarser_and_others_stay() {
        let coarse = pooled(&field(1, 81));
        assert_eq!((coarse.last().shape.side(), coarse.last().tokens.size()[1]), (27, 27 * 27));
        let same = field(1, 40);
        assert_eq!(pooled(&same).last().patches(), same.last().patches());
    }
}
