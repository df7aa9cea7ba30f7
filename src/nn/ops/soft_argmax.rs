//! Expected positions: where softmaxes over grids have their means.

use tch::{Device, Kind, Tensor};

use crate::nn::native::kernels;
use crate::nn::ops::Operation;

/// For each row of scores, the expectation of both coordinates under the softmax over a grid's cells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpectedPositions<'a> {
    /// `[..., rows * columns]`.
    pub scores: &'a Tensor,
    /// The coordinate of each column, `[columns]`.
    pub x: &'a Tensor,
    /// That of each row, `[rows]`.
    pub y: &'a Tensor,
    /// What scores are divided by.
    pub temperature: f64,
}

impl Operation for ExpectedPositions<'_> {
    /// `(x, y)`, `[..., 2]`.
    type Output = Tensor;

    fn device(&self) -> Device {
        self.scores.device()
    }

    fn composite(&self) -> Tensor {
        let probability = (self.scores / self.temperature).softmax(-1, None::<Kind>);
        probability.matmul(&cells(self.x, self.y))
    }

    fn cuda(&self) -> Option<Tensor> {
        kernels::soft_argmax::expected_positions(self.scores, [self.x, self.y], self.temperature)
    }
}

/// `(x, y)` of every cell, row by row: `[rows * columns, 2]`.
pub(crate) fn cells(x: &Tensor, y: &Tensor) -> Tensor {
    let columns = x.repeat([y.size()[0]]);
    let rows = y.repeat_interleave_self_int(x.size()[0], None, None);
    Tensor::stack(&[columns, rows], 1)
}
