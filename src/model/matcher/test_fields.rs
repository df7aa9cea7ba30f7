//! Smooth random feature fields for the matchers' tests.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

use crate::model::features::{FeatureShape, Features};

const DIM: i64 = 32;

/// Features that vary smoothly over a grid, equal for equal seeds.
pub(crate) fn field(seed: u64, side: i64) -> Features {
    features(&smooth(seed, side), [0, 0], side)
}

/// Two views of one field: what lies at a cell of the first lies `shift` (columns, rows) further in the
/// second, where it is inside.
pub(crate) fn shifted_pair(
    seed: u64,
    side: i64,
    [columns, rows]: [i64; 2],
) -> (Features, Features) {
    let margin = columns.abs().max(rows.abs());
    let map = smooth(seed, side + 2 * margin);
    let source = features(&map, [margin, margin], side);
    (source, features(&map, [margin - columns, margin - rows], side))
}

fn smooth(seed: u64, side: i64) -> Tensor {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let count = DIM * (side + 2) * (side + 2);
    let values: Vec<f32> = (0..count).map(|_| random.random_range(-1.0..1.0)).collect();
    let map = Tensor::from_slice(&values).view([1, DIM, side + 2, side + 2]);
    map.avg_pool2d([3, 3], [1, 1], [0, 0], false, true, None)
}

fn features(map: &Tensor, [column, row]: [i64; 2], side: i64) -> Features {
    let view = map.narrow(2, row, side).narrow(3, column, side);
    let tokens = view.permute([0, 2, 3, 1]).reshape([1, side * side, DIM]);
    Features::last_alone(tokens, FeatureShape::square(DIM, side))
}
