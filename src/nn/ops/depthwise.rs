//! Filters of single channels, with the activations around them.

use tch::{Device, Tensor};

use crate::nn::native;
use crate::nn::ops::Operation;

/// ReLU6 of a depthwise convolution with TensorFlow's "same" padding: of a side that is a multiple of the stride, the
/// stride's part is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DepthwiseRelu6<'a> {
    /// `[B, C, H, W]`. Nobody else needs it where `relu6_before` is said: it may be overwritten.
    pub xs: &'a Tensor,
    /// Whether ReLU6 of that is taken first.
    pub relu6_before: bool,
    /// `[C, 1, k, k]`.
    pub weight: &'a Tensor,
    /// `[C]`.
    pub bias: &'a Tensor,
    /// From one window to the next.
    pub stride: i64,
}

impl Operation for DepthwiseRelu6<'_> {
    /// `[B, C, H / stride, W / stride]`.
    type Output = Tensor;

    fn device(&self) -> Device {
        self.xs.device()
    }

    fn composite(&self) -> Tensor {
        let Self { xs, weight, bias, stride, .. } = *self;
        let xs = xs.shallow_clone();
        let xs = if self.relu6_before { relu6(xs) } else { xs };
        relu6(same_convolution(&xs, weight, bias, stride, weight.size()[0]))
    }

    fn cpu(&self) -> Option<Tensor> {
        let Self { xs, relu6_before, weight, bias, stride } = *self;
        native::depthwise::depthwise(xs, weight, bias, stride, relu6_before)
    }
}

/// Written over its argument.
fn relu6(mut xs: Tensor) -> Tensor {
    xs.clamp_(0.0, 6.0)
}

/// A convolution with TensorFlow's "same" padding: `[B, in, H, W]` to `[B, out, H / stride, W / stride]`, sides being
/// multiples of the stride; `weight` `[out, in / groups, k, k]`.
pub(crate) fn same_convolution(
    xs: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    stride: i64,
    groups: i64,
) -> Tensor {
    // The window ends at the last pixel, so of an odd total the smaller half goes before the first.
    let total = weight.size()[2] - stride;
    let (before, after) = (total / 2, total - total / 2);
    let convolved = |xs: &Tensor, padding: i64| {
        xs.conv2d(weight, Some(bias), [stride; 2], [padding; 2], [1, 1], groups)
    };
    if before == after {
        convolved(xs, before)
    } else {
        convolved(&xs.constant_pad_nd([before, after, before, after]), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, no_grad};

    fn random(shape: &[i64]) -> Tensor {
        Tensor::randn(shape, (Kind::Float, Device::Cpu))
    }

    fn by_pixels(xs: &Tensor) -> Tensor {
        xs.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
    }

    #[test]
    fn the_fast_form_equals_libtorchs_convolution_between_two_activations() {
        for (channels, side, kernel, stride) in [
            (16, 8, 3, 1),
            (96, 12, 3, 2),
            (40, 10, 5, 2),
            (35, 6, 5, 1),
            (7, 4, 3, 1),
            (48, 2, 5, 2),
        ] {
            let xs = by_pixels(&(random(&[2, channels, side, 2 * side]) * 4.0));
            let (weight, bias) = (random(&[channels, 1, kernel, kernel]), random(&[channels]));
            for relu6_before in [false, true] {
                let xs = xs.copy();
                let operation =
                    DepthwiseRelu6 { xs: &xs, relu6_before, weight: &weight, bias: &bias, stride };
                no_grad(|| {
                    let Some(fast) = operation.cpu() else {
                        assert_eq!(native::processor::vectors(), None);
                        return;
                    };
                    let wanted = operation.composite();
                    assert_eq!(fast.size(), wanted.size());
                    assert!(
                        fast.allclose(&wanted, 1e-5, 1e-5, false),
                        "{channels} {side} {kernel}"
                    );
                });
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_so_and_gradients_are_left_to_libtorch() {
        let xs = by_pixels(&Tensor::full([1, 32, 6, 6], f64::NAN, (Kind::Float, Device::Cpu)));
        let (weight, bias) = (random(&[32, 1, 3, 3]), random(&[32]));
        let operation =
            DepthwiseRelu6 { xs: &xs, relu6_before: true, weight: &weight, bias: &bias, stride: 1 };
        assert!(operation.cpu().is_none(), "gradients may be wanted");
        no_grad(|| {
            assert!(operation.run().isnan().all().int64_value(&[]) == 1);
            let planes = DepthwiseRelu6 { xs: &xs.contiguous(), ..operation };
            assert!(planes.cpu().is_none(), "it is stored plane by plane");
        });
    }
}
