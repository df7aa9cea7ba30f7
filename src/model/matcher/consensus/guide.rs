//! What tells consensus where matches are expected.

use tch::Tensor;

use crate::model::matcher::cosine::cells;

/// Where matches are expected, and how they are looked for there.
#[derive(Debug)]
pub(super) struct Guide {
    /// Columns and rows of the target's grid, `[B, S, 2]`.
    pub matches: Tensor,
    /// How many cells a match deviates from there.
    pub sigma: f64,
    /// Rounds of agreement.
    pub iterations: u32,
    /// Square of the radius, in cells, within which neighbours are asked.
    pub radius_squared: i64,
}

impl Guide {
    /// What is added to U, `[B, S, T]`, for a target's grid of `side` rows.
    pub(super) fn added(&self, side: i64) -> Tensor {
        let cells = cells(side, self.matches.device()); // [T, 2]
        let squares = |axis: i64| {
            let expected = self.matches.select(2, axis).unsqueeze(2); // [B, S, 1]
            (cells.select(1, axis) - expected).square_()
        };
        (squares(0) + squares(1)) / (-2.0 * self.sigma * self.sigma)
    }
}
