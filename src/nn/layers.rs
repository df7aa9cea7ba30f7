//! Linear maps, layer norm and convolutions: variables and one libtorch call each.

use tch::Tensor;

use super::onednn::{self, After, Packed};
use super::variables::{Init, Path};

/// Deviation the paper's linear layers and position tables start with.
pub const INITIAL_DEVIATION: f64 = 0.02;

/// `y = x W' + b` over the last dimension.
#[derive(Debug)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Tensor,
    /// `[out]`.
    pub bias: Tensor,
    /// The weight once more, for inference on the CPU.
    pub packed: Packed,
}

impl Linear {
    /// A linear map with bias.
    pub fn new(path: &Path, inputs: i64, outputs: i64) -> Self {
        Self::with_deviation(path, inputs, outputs, INITIAL_DEVIATION)
    }

    /// A linear map with bias, its weight drawn with this deviation.
    pub fn with_deviation(path: &Path, inputs: i64, outputs: i64, deviation: f64) -> Self {
        let weight = [outputs, inputs];
        Self {
            weight: path.variable("weight", &weight, Init::TruncatedNormal(deviation)),
            bias: path.variable("bias", &[outputs], Init::Constant(0.0)),
            packed: Packed::default(),
        }
    }

    /// `[..., in]` to `[..., out]`.
    pub fn forward(&self, xs: &Tensor) -> Tensor {
        onednn::linear(xs, self, After::Nothing).unwrap_or_else(|| self.usual(xs))
    }

    /// GELU of the map's result.
    pub fn forward_gelu(&self, xs: &Tensor) -> Tensor {
        onednn::linear(xs, self, After::Gelu).unwrap_or_else(|| self.usual(xs).gelu("none"))
    }

    /// The map's result plus `addend`, which has its shape.
    pub fn forward_add(&self, xs: &Tensor, addend: &Tensor) -> Tensor {
        onednn::linear(xs, self, After::Add(addend)).unwrap_or_else(|| addend + self.usual(xs))
    }

    fn usual(&self, xs: &Tensor) -> Tensor {
        xs.linear(&self.weight, Some(&self.bias))
    }

    /// The map to only the outputs `start..start + length`.
    pub fn part(&self, start: i64, length: i64) -> Self {
        Self {
            weight: self.weight.narrow(0, start, length),
            bias: self.bias.narrow(0, start, length),
            packed: Packed::default(),
        }
    }
}

/// Layer norm over the last dimension.
#[derive(Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

impl LayerNorm {
    /// Layer norm over `dim` values.
    pub fn new(path: &Path, dim: i64, epsilon: f64) -> Self {
        Self {
            weight: path.variable("weight", &[dim], Init::Constant(1.0)),
            bias: path.variable("bias", &[dim], Init::Constant(0.0)),
            epsilon,
        }
    }

    /// `[..., D]` to the same shape.
    pub fn forward(&self, xs: &Tensor) -> Tensor {
        xs.layer_norm(self.weight.size(), Some(&self.weight), Some(&self.bias), self.epsilon, true)
    }
}

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct ConvShape {
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
    /// Whether a bias is added.
    pub bias: bool,
}

impl ConvShape {
    /// Kernel 1, stride 1, no padding, with bias.
    pub const fn pointwise(inputs: i64, outputs: i64) -> Self {
        Self { inputs, outputs, kernel: 1, stride: 1, padding: 0, bias: true }
    }

    /// The convolution that cuts an image into patches: kernel and stride are the patch side.
    pub const fn patches(inputs: i64, outputs: i64, side: i64) -> Self {
        Self { inputs, outputs, kernel: side, stride: side, padding: 0, bias: true }
    }

    /// Kernel 3, stride 1, the map's size kept, with bias.
    pub const fn same3(inputs: i64, outputs: i64) -> Self {
        Self { inputs, outputs, kernel: 3, stride: 1, padding: 1, bias: true }
    }
}

/// A two-dimensional convolution.
#[derive(Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    shape: ConvShape,
}

impl Conv2d {
    /// A convolution that starts as libtorch's own do.
    pub fn new(path: &Path, shape: ConvShape) -> Self {
        let bound = 1.0 / ((shape.inputs * shape.kernel * shape.kernel) as f64).sqrt();
        let kernel = [shape.outputs, shape.inputs, shape.kernel, shape.kernel];
        Self {
            weight: path.variable("weight", &kernel, Init::Uniform(bound)),
            bias: shape.bias.then(|| path.variable("bias", &[shape.outputs], Init::Uniform(bound))),
            shape,
        }
    }

    /// `[B, in, H, W]` to `[B, out, H', W']`.
    pub fn forward(&self, xs: &Tensor) -> Tensor {
        let ConvShape { stride, padding, .. } = self.shape;
        xs.conv2d(&self.weight, self.bias.as_ref(), [stride; 2], [padding; 2], [1, 1], 1)
    }
}
