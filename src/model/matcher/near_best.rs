//! The expected position under similarities near the best one.

use tch::{Kind, Tensor};

/// How similarities weigh by their distance from the best one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Window {
    /// Fully up to so many cells to each side, not at all beyond.
    Box(i64),
    /// By a Gaussian of this standard deviation, in cells.
    Gaussian(f64),
}

impl Window {
    /// `[B, S, T]` similarities to the cells of a grid of `side` rows, to the expected column and row `[B, S, 2]`: under
    /// the softmax of what the window makes of them, divided by `temperature`.
    pub(super) fn expected_cells(
        self,
        similarities: &Tensor,
        side: i64,
        temperature: f64,
    ) -> Tensor {
        let sources = similarities.size()[1];
        let best = similarities.argmax(2, false).unsqueeze(-1); // [B, S, 1]
        let line = Tensor::arange(side, (Kind::Float, similarities.device()));
        let along = |best: &Tensor| self.weight(&(&line - best)); // [B, S, G]
        let rows = along(&best.divide_scalar_mode(side, "floor")).unsqueeze(-1);
        let columns = along(&best.remainder(side)).unsqueeze(-2);
        let map = similarities.view([-1, sources, side, side]) * rows * columns;
        let largest = map.amax([-2i64, -1].as_slice(), true);
        let weights = ((map - largest) / temperature).exp(); // [B, S, G, G]
        // Parity: one axis at a time. Where most cells weigh the same little, a sum over all of them in one go, as a
        // softmax takes it, rounds always the same way: by 1e-2 pixels of 518.
        let sum = |xs: Tensor, axis: i64| xs.sum_dim_intlist([axis].as_slice(), false, Kind::Float);
        let expected = |other: i64| {
            let sums = sum(weights.shallow_clone(), other); // [B, S, G]
            sum(&sums * &line, -1) / sum(sums, -1) // [B, S]
        };
        Tensor::stack(&[expected(-2), expected(-1)], -1)
    }

    /// How much a similarity counts by its distance along one axis.
    fn weight(self, distance: &Tensor) -> Tensor {
        match self {
            Self::Box(radius) => distance.abs().le(radius as f64).to_kind(Kind::Float),
            Self::Gaussian(sigma) => (distance.square() / (-2.0 * sigma * sigma)).exp(),
        }
    }
}
