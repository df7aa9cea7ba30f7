//! Correlation to flow: where in the target each source cell finds itself, as an expected position.

use tch::{Kind, Tensor};

use crate::nn::ops::Operation;
use crate::nn::ops::soft_argmax::{ExpectedPositions, cells};
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::resize::resize_matches;

/// Scores are divided by this before the softmax (Lee et al., SFNet, 2019; LPMFlow section 3.4).
const TEMPERATURE: f64 = 0.02;

/// Soft-argmax over a square grid with learned coordinates.
#[derive(Debug)]
pub(crate) struct SoftArgmax {
    /// Learned column coordinates, `[G]`, about -1 to 1.
    x: Tensor,
    /// Learned row coordinates, `[G]`.
    y: Tensor,
    side: i64,
}

impl SoftArgmax {
    /// Builds the variables `x_normal` and `y_normal` under `path`.
    pub(crate) fn new(path: &VarBuilder, side: i64) -> Self {
        let path = path.in_kind(Kind::Float);
        let [x, y] = ["x_normal", "y_normal"]
            .map(|name| path.parameter(name, &[side], Init::Line(-1.0, 1.0)));
        Self { x, y, side }
    }

    /// The flow of a correlation between grids of any sides, in float32 whatever the correlation's
    /// precision.
    ///
    /// # Shapes
    /// `correlation` `[B, S, T]`, result `[B, 2, G, G]` in cells of the grid.
    pub(crate) fn flow(&self, correlation: &Tensor) -> Tensor {
        let scores = resize_matches(&correlation.to_kind(Kind::Float), self.side); // [B, G * G, G * G]
        let (x, y) = (&self.x, &self.y);
        let found = ExpectedPositions { scores: &scores, x, y, temperature: TEMPERATURE }.run();
        let found = (found + 1.0) * ((self.side - 1) as f64 / 2.0); // [B, G * G, 2]
        let line = Tensor::arange(self.side, (Kind::Float, self.x.device()));
        let flow = found - cells(&line, &line);
        flow.transpose(1, 2).reshape([-1, 2, self.side, self.side])
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn a_sharp_correlation_shifted_by_one_cell_gives_that_shift() {
        let side = 6;
        let soft_argmax = SoftArgmax::new(&VarBuilder::fresh(Device::Cpu), side);
        // Source cell (r, c) looks at target cell (r, c + 1); the last column at itself.
        let correlation = Tensor::zeros([1, 36, 36], (Kind::Float, Device::Cpu));
        for cell in 0..36i64 {
            let found = if cell % side == side - 1 { cell } else { cell + 1 };
            let _ = correlation.select(0, 0).select(0, cell).narrow(0, found, 1).fill_(1.0);
        }
        let flow = soft_argmax.flow(&correlation);
        assert!((flow.double_value(&[0, 0, 2, 3]) - 1.0).abs() < 1e-4);
        assert!(flow.double_value(&[0, 0, 2, 5]).abs() < 1e-4);
        assert!(flow.select(1, 1).abs().max().double_value(&[]) < 1e-4);
    }
}
