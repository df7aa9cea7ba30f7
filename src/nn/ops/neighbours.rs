//! The weighted sum over a disc of neighbouring matches.

use tch::{Device, Tensor};

use crate::nn::native;
use crate::nn::ops::Operation;

/// Weights of a disc: that of the shift (dx, dy) is `weights[|dx|] * weights[|dy|]` within the disc.
#[derive(Debug)]
pub(crate) struct Disc {
    /// By distance along one axis, from 0 on.
    pub weights: Vec<f64>,
    /// Columns to each side, by distance along y: none more than in the rows nearer to the centre, and no
    /// row more than there are rows.
    pub half_widths: Vec<usize>,
}

impl Disc {
    /// All shifts of length sqrt(`radius_squared`) or less, by a Gaussian of std `sigma`.
    pub(crate) fn gaussian(radius_squared: i64, sigma: f64) -> Self {
        let distances = 0..=radius_squared.isqrt();
        let weight = |d: i64| (-((d * d) as f64) / (2.0 * sigma * sigma)).exp();
        Self {
            weights: distances.clone().map(weight).collect(),
            half_widths: distances.map(|d| (radius_squared - d * d).isqrt() as usize).collect(),
        }
    }
}

/// Q(s, t) = sum over the disc of its weight(d) * `probabilities`(s + d, t + d), zeros beyond the rims.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NeighbourSum<'a> {
    /// The weights.
    pub disc: &'a Disc,
    /// `[B, source row, source column, target row, target column]`.
    pub probabilities: &'a Tensor,
}

impl Operation for NeighbourSum<'_> {
    /// Of the shape of the probabilities.
    type Output = Tensor;

    fn device(&self) -> Device {
        self.probabilities.device()
    }

    /// A weight is a product of one along x and one along y, and a row of the disc is never longer than the rows
    /// nearer to the centre. So the sums along x are taken once, growing from the centre, and rows of the right
    /// length are then summed along y. Nothing is in place: ONNX has no such operations.
    fn composite(&self) -> Tensor {
        let Self { disc, probabilities } = self;
        let [row_axes, column_axes] = [[1, 3], [2, 4]];
        let weighted = |map: &Tensor, axes, distance: usize| {
            shifted(map, axes, distance as i64) * disc.weights[distance]
        };
        let mut rows = vec![probabilities.shallow_clone()]; // rows[w]: sum over |dx| <= w
        for dx in 1..=disc.half_widths[0] {
            rows.push(&rows[dx - 1] + weighted(probabilities, column_axes, dx));
        }
        let mut sum = rows[disc.half_widths[0]].shallow_clone();
        for dy in 1..disc.half_widths.len() {
            sum = &sum + weighted(&rows[disc.half_widths[dy]], row_axes, dy);
        }
        sum
    }

    /// Eight times as fast.
    fn cpu(&self) -> Option<Tensor> {
        let weights: Vec<f32> = self.disc.weights.iter().map(|&weight| weight as f32).collect();
        let half_widths: Vec<i64> =
            self.disc.half_widths.iter().map(|&width| width as i64).collect();
        native::neighbours::weighted_sum(self.probabilities, &weights, &half_widths)
    }

    fn cuda(&self) -> Option<Tensor> {
        let Disc { weights, half_widths } = self.disc;
        native::kernels::neighbours::weighted_sum(self.probabilities, weights, half_widths)
    }
}

/// The sum of `map` moved by `distance` cells along both `axes` at once, and moved back as far: zeros come
/// in at the rims. `[B, row, column, row, column]` to the same shape.
fn shifted(map: &Tensor, axes: [usize; 2], distance: i64) -> Tensor {
    let size = map.size();
    if axes.iter().any(|&axis| size[axis] <= distance) {
        return map.zeros_like();
    }
    let moved = |start: i64, before: i64| {
        let cut = axes.iter().fold(map.shallow_clone(), |xs, &axis| {
            xs.narrow(axis as i64, start, size[axis] - distance)
        });
        // Padding is listed from the last dimension on: what comes before and after.
        let mut padding = vec![0; 2 * (size.len() - axes[0])];
        for axis in axes {
            let place = 2 * (size.len() - 1 - axis);
            padding[place] = before;
            padding[place + 1] = distance - before;
        }
        cut.constant_pad_nd(padding)
    };
    moved(distance, 0) + moved(0, distance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, no_grad};

    #[test]
    fn both_ways_are_the_sum_over_all_shifts() {
        // Sides that differ, and one that is shorter than the disc.
        let [batch, sy, sx, ty, tx] = [2, 5, 3, 4, 6];
        let probabilities = Tensor::rand([batch, sy, sx, ty, tx], (Kind::Float, Device::Cpu));
        for (radius_squared, sigma) in [(0_i64, 1.0), (5, 2.0), (10, 1.5), (22, 2.0)] {
            let disc = Disc::gaussian(radius_squared, sigma);
            let sum = NeighbourSum { disc: &disc, probabilities: &probabilities };
            let fast = no_grad(|| sum.cpu()).expect("float32 on the CPU");
            assert!(fast.allclose(&sum.composite(), 1e-5, 1e-6, false));

            let place = [1, 3, 1, 2, 4];
            let mut wanted = 0.0;
            for (dy, dx) in (-5..=5).flat_map(|dy| (-5..=5).map(move |dx| (dy, dx))) {
                let length = (dy * dy + dx * dx) as f64;
                let [y, x, v, u] = [place[1] + dy, place[2] + dx, place[3] + dy, place[4] + dx];
                let inside = [(y, sy), (x, sx), (v, ty), (u, tx)]
                    .iter()
                    .all(|&(at, side)| (0..side).contains(&at));
                if inside && length <= radius_squared as f64 {
                    let weight = (-length / (2.0 * sigma * sigma)).exp();
                    wanted += weight * probabilities.double_value(&[place[0], y, x, v, u]);
                }
            }
            assert!((fast.double_value(&place) - wanted).abs() < 1e-5);
        }
    }

    #[test]
    fn gradients_other_precisions_and_discs_without_weights_are_left_to_libtorch() {
        let probabilities = Tensor::rand([1, 3, 3, 3, 3], (Kind::Float, Device::Cpu));
        let disc = Disc::gaussian(5, 2.0);
        let serves = |disc: &Disc, probabilities: &Tensor| {
            NeighbourSum { disc, probabilities }.cpu().is_some()
        };
        assert!(!serves(&disc, &probabilities), "gradients may be wanted");
        no_grad(|| {
            assert!(serves(&disc, &probabilities));
            assert!(!serves(&disc, &probabilities.to_kind(Kind::Double)));
            assert!(!serves(&disc, &probabilities.squeeze_dim(0).narrow(0, 0, 1)));
            let too_wide = Disc { weights: vec![1.0], half_widths: vec![1] };
            assert!(!serves(&too_wide, &probabilities));
        });
    }
}
