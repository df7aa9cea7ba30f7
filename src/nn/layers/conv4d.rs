//! Convolutions over four dimensions: of the matches of two grids (Rocco et al., NC-Net, 2018).

use tch::Tensor;

use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::shape::dims;

/// A convolution that keeps the sides of its map, with zeros around it.
#[derive(Debug)]
pub(crate) struct Conv4d {
    /// `[k, out, in, k, k, k]`: the first axis of the kernel stands first, as NC-Net's authors store it.
    weight: Tensor,
    bias: Tensor,
}

impl Conv4d {
    /// Builds the variables under `path`.
    pub(crate) fn new(path: &VarBuilder, [inputs, outputs, kernel]: [i64; 3]) -> Self {
        let bound = 1.0 / ((inputs * kernel.pow(4)) as f64).sqrt();
        let shape = [kernel, outputs, inputs, kernel, kernel, kernel];
        Self {
            weight: path.parameter("weight", &shape, Init::Uniform(bound)),
            bias: path.parameter("bias", &[outputs], Init::Uniform(bound)),
        }
    }

    /// `[B, in, A, C, D, E]` to `[B, out, A, C, D, E]`.
    pub(crate) fn forward(&self, xs: &Tensor) -> Tensor {
        convolve(xs, &self.weight, &self.bias)
    }
}

/// Convolves with a kernel that someone else makes, zeros around the map: `weight` `[k, out, in, k, k, k]`, `bias` `[out]`,
/// `[B, in, A, C, D, E]` to `[B, out, A, C, D, E]`.
///
/// The positions along the first axis become samples of one three-dimensional convolution. What the kernel sees
/// along that axis stands in channels: in those that enter it or in those that leave it, wherever there are fewer,
/// which is several times as fast as the other way round.
pub(crate) fn convolve(xs: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    let [_, outputs, inputs, ..] = dims::<6>(weight);
    if inputs < outputs { seen_at_once(xs, weight, bias) } else { added_up(xs, weight, bias) }
}

/// Each position sees those around it as channels.
fn seen_at_once(xs: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    let [kernel, outputs, inputs, ..] = dims::<6>(weight);
    let [_, _, first, second, third, fourth] = dims(xs);
    let around = xs.constant_pad_nd([0, 0, 0, 0, 0, 0, kernel / 2, kernel / 2]); // [B, in, A + k - 1, C, D, E]
    let shifted: Vec<Tensor> = (0..kernel).map(|shift| around.narrow(2, shift, first)).collect();
    let samples = Tensor::stack(&shifted, 1) // [B, k, in, A, C, D, E]
        .permute([0, 3, 1, 2, 4, 5, 6])
        .reshape([-1, kernel * inputs, second, third, fourth]);
    let weight = weight.transpose(0, 1).flatten(1, 2);
    let found = samples.conv3d(&weight, Some(bias), [1; 3], [kernel / 2; 3], [1; 3], 1);
    found.view([-1, first, outputs, second, third, fourth]).transpose(1, 2)
}

/// Each position says what it adds to those around it.
fn added_up(xs: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    let [kernel, outputs, inputs, ..] = dims::<6>(weight);
    let [_, _, first, second, third, fourth] = dims(xs);
    let samples = xs.transpose(1, 2).reshape([-1, inputs, second, third, fourth]);
    let (weight, no_bias) = (weight.flatten(0, 1), None::<&Tensor>);
    let added = samples.conv3d(&weight, no_bias, [1; 3], [kernel / 2; 3], [1; 3], 1);
    let added = added.view([-1, first, kernel, outputs, second, third, fourth].as_slice());
    // The sum begins with what every position gets from itself, and the bias. No size of the batch is read, so that a
    // traced network takes any, and nothing is added to a part of a tensor, which ONNX cannot say.
    let mut sum = added.select(2, kernel / 2) + bias.view([1, 1, outputs, 1, 1, 1]);
    for part in (0..kernel).filter(|part| *part != kernel / 2) {
        // A position gets this part of the one so many behind it.
        let behind = part - kernel / 2;
        let (to, from) = ((-behind).max(0), behind.max(0));
        let length = first - behind.abs();
        if length > 0 {
            let shifted = added.select(2, part).narrow(1, from, length); // [B, A', out, C, D, E]
            sum += shifted.constant_pad_nd([0, 0, 0, 0, 0, 0, 0, 0, to, first - length - to]);
        }
    }
    sum.transpose(1, 2)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn every_position_is_the_weighted_sum_of_those_around_it() {
        tch::manual_seed(3);
        for (inputs, outputs) in [(2, 3), (3, 2)] {
            check(inputs, outputs);
        }
    }

    fn check(inputs: i64, outputs: i64) {
        let layer = Conv4d::new(&VarBuilder::fresh(Device::Cpu), [inputs, outputs, 3]);
        let xs = Tensor::randn([1, inputs, 4, 3, 3, 5], (Kind::Float, Device::Cpu));
        let found = layer.forward(&xs);
        assert_eq!(found.size(), [1, outputs, 4, 3, 3, 5]);
        let inside = |position: [i64; 4]| {
            position.iter().zip([4, 3, 3, 5]).all(|(&at, side)| (0..side).contains(&at))
        };
        for place in [[0, 0, 0, 0], [1, 1, 1, 2], [3, 2, 2, 4], [2, 0, 1, 4]] {
            for out in 0..outputs {
                let mut sum = layer.bias.double_value(&[out]);
                for offset in 0..81i64 {
                    let steps = [offset / 27, offset / 9 % 3, offset / 3 % 3, offset % 3];
                    let at: [i64; 4] = std::array::from_fn(|axis| place[axis] + steps[axis] - 1);
                    if !inside(at) {
                        continue;
                    }
                    for input in 0..inputs {
                        let weight = layer
                            .weight
                            .double_value(&[steps[0], out, input, steps[1], steps[2], steps[3]]);
                        sum += weight * xs.double_value(&[0, input, at[0], at[1], at[2], at[3]]);
                    }
                }
                let value = found.double_value(&[0, out, place[0], place[1], place[2], place[3]]);
                assert!((value - sum).abs() < 1e-5, "{place:?} {out}: {value}, not {sum}");
            }
        }
    }
}
