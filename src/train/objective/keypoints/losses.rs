//! The losses of one pair's points.

use std::f64::consts::PI;

use tch::{Kind, Reduction, Tensor};

use crate::model::matcher::cosine::cells;

/// Cells to each side of a match that its Gaussian reaches (a kernel of 15 by 15 cells).
const RADIUS: i64 = 7;

/// Keeps the logarithm of a probability finite.
const LEAST: f64 = 1e-6;

/// grid_sample's names for bilinear interpolation and for the rim's value beyond the rim.
const BILINEAR: i64 = 0;
const RIM: i64 = 1;

/// Cross entropy of the probabilities that `logits` `[K, G * G]` give, around the true cells `[K, 2]`, with a Gaussian
/// there: summed over the points, cells beyond the rim left out (MARCO).
pub(super) fn gaussian_cross_entropy(
    logits: &Tensor,
    side: i64,
    truth: &Tensor,
    sigma: f64,
) -> Tensor {
    let probabilities = (logits.softmax(-1, Kind::Float) + LEAST).view([-1, 1, side, side]);
    let reach = 2 * RADIUS + 1;
    let around = cells(reach, truth.device()) - RADIUS as f64; // [reach * reach, 2]
    let places = truth.unsqueeze(1) + &around; // [K, reach * reach, 2]
    let inside = places.gt(0.0).logical_and(&places.lt((side - 1) as f64)).all_dim(-1, false);
    // As grid_sample takes them: the middles of the outer cells at -1 and 1.
    let grid = (&places * (2.0 / (side - 1) as f64) - 1.0).unsqueeze(2); // [K, reach * reach, 1, 2]
    let found = probabilities.grid_sampler(&grid, BILINEAR, RIM, true).view([-1, reach * reach]);
    let squares = around.square().sum_dim_intlist([-1].as_slice(), false, Kind::Float);
    let gaussian = (squares / (-2.0 * sigma * sigma)).exp() / (2.0 * PI * sigma * sigma);
    -(found.log() * gaussian * inside).sum(Kind::Float)
}

/// Cross entropy of finding each point's match among the points of the pair, the mean of both ways; descriptors
/// `[K, D]` of both photos' points.
pub(super) fn contrast(source: &Tensor, target: &Tensor, temperature: f64) -> Tensor {
    let logits = source.matmul(&target.transpose(0, 1)) / temperature; // [K, K]
    let own = Tensor::arange(logits.size()[0], (Kind::Int64, logits.device()));
    let one_way = |logits: &Tensor| {
        logits.cross_entropy_loss(&own, None::<&Tensor>, Reduction::Mean, -100, 0.0)
    };
    (one_way(&logits) + one_way(&logits.transpose(0, 1))) / 2.0
}

/// Mean distance, in cells, between the true steps of points and those of the patches that they lie in under a flow
/// `[2, G, G]`; points `[K, 2]` of both photos in parts of the side.
pub(super) fn distance(flow: &Tensor, [source, target]: &[Tensor; 2]) -> Tensor {
    let side = flow.size()[1];
    let steps = flow.flatten(1, 2).transpose(0, 1).index_select(0, &patches(source, side)); // [K, 2]
    let truth = (target - source) * side as f64;
    (steps - truth).norm_scalaropt_dim(2.0, [-1].as_slice(), false).mean(Kind::Float)
}

/// The patches that points `[K, 2]` in parts of the side lie in, row by row: `[K]`.
pub(super) fn patches(points: &Tensor, side: i64) -> Tensor {
    let cells = (points * side as f64).floor().clamp(0.0, (side - 1) as f64).to_kind(Kind::Int64);
    cells.select(1, 1) * side + cells.select(1, 0)
}
