//! Convolutions.

use tch::Tensor;

use crate::nn::parameters::{Init, VarBuilder};

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvShape {
    /// Channels in.
    pub inputs: i64,
    /// Channels out.
    pub outputs: i64,
    /// Side of the square kernel.
    pub kernel: i64,
    /// Step.
    pub stride: i64,
    /// Zeros added on every side.
    pub padding: i64,
    /// Positions from one entry of the kernel to the next.
    pub dilation: i64,
    /// Whether a bias is added.
    pub bias: bool,
}

impl ConvShape {
    /// Kernel 1, stride 1, no padding, with bias.
    pub(crate) const fn pointwise(inputs: i64, outputs: i64) -> Self {
        Self { inputs, outputs, kernel: 1, stride: 1, padding: 0, dilation: 1, bias: true }
    }

    /// The convolution that cuts an image into patches: kernel and stride are the patch side.
    pub(crate) const fn patches(inputs: i64, outputs: i64, side: i64) -> Self {
        Self { inputs, outputs, kernel: side, stride: side, padding: 0, dilation: 1, bias: true }
    }

    /// Kernel 3, stride 1, the map's size kept, with bias.
    pub(crate) const fn same3(inputs: i64, outputs: i64) -> Self {
        Self { inputs, outputs, kernel: 3, stride: 1, padding: 1, dilation: 1, bias: true }
    }

    /// The same, its kernel spread so far.
    pub(crate) const fn dilated(self, dilation: i64) -> Self {
        Self { padding: dilation, dilation, ..self }
    }
}

/// A two-dimensional convolution.
#[derive(Debug)]
pub(crate) struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    shape: ConvShape,
}

impl Conv2d {
    /// A convolution that starts as libtorch's own do.
    pub(crate) fn new(path: &VarBuilder, shape: ConvShape) -> Self {
        let bound = 1.0 / ((shape.inputs * shape.kernel * shape.kernel) as f64).sqrt();
        let kernel = [shape.outputs, shape.inputs, shape.kernel, shape.kernel];
        Self {
            weight: path.parameter("weight", &kernel, Init::Uniform(bound)),
            bias: shape
                .bias
                .then(|| path.parameter("bias", &[shape.outputs], Init::Uniform(bound))),
            shape,
        }
    }

    /// A tensor in the kind of number that the convolution computes in.
    pub(crate) fn like(&self, xs: &Tensor) -> Tensor {
        xs.to_kind(self.weight.kind())
    }

    /// `[B, in, H, W]` to `[B, out, H', W']`.
    pub(crate) fn forward(&self, xs: &Tensor) -> Tensor {
        let ConvShape { stride, padding, dilation, .. } = self.shape;
        xs.conv2d(&self.weight, self.bias.as_ref(), [stride; 2], [padding; 2], [dilation; 2], 1)
    }
}
