//! Rotary positions of matches (Su et al., RoFormer, 2021), as the authors' code has them.

use std::sync::OnceLock;

use tch::{Kind, Tensor};

use crate::model::matcher::transformatcher::config::WIDTH;

/// Sines and cosines of every match's position, for each pair of values.
#[derive(Debug)]
pub(super) struct Phases {
    /// `[WIDTH / 2]`.
    frequencies: Tensor,
    positions: i64,
    table: OnceLock<Tensor>,
}

impl Phases {
    /// Of so many matches in their order.
    pub(super) fn new(frequencies: Tensor, positions: i64) -> Self {
        Self { frequencies, positions, table: OnceLock::new() }
    }

    /// The cosines, then the sines, `[WIDTH, N]`.
    ///
    /// Parity: a position is the number of its match, and not where its cells lie; times a frequency of pi or five pi
    /// that is little more than a sign. The product is rounded to 32 bits, by up to 0.03 of an angle, and the cosine is
    /// that of what came out.
    pub(super) fn table(&self) -> &Tensor {
        self.table.get_or_init(|| {
            let numbers = Tensor::arange(self.positions, (Kind::Float, self.frequencies.device()));
            let angles = self.frequencies.to_kind(Kind::Float).unsqueeze(1) * numbers.unsqueeze(0);
            let angles = angles.to_kind(Kind::Double);
            let table = Tensor::cat(&[angles.cos(), angles.sin()], 0);
            table.to_kind(self.frequencies.kind()).detach()
        })
    }

    /// Rotated sums of vectors, made of those by each row of the table: `[..., WIDTH, WIDTH]` to `[..., WIDTH]`.
    /// Neighbouring values are a pair.
    pub(super) fn rotated(&self, sums: &Tensor) -> Tensor {
        let pairs = WIDTH / 2;
        let at = |row: i64, value: i64| sums.select(-2, row).select(-1, value);
        let values: Vec<Tensor> = (0..pairs)
            .flat_map(|pair| {
                let (cosine, sine) = (pair, pairs + pair);
                let (first, second) = (2 * pair, 2 * pair + 1);
                [at(cosine, first) - at(sine, second), at(cosine, second) + at(sine, first)]
            })
            .collect();
        Tensor::stack(&values, -1)
    }
}
