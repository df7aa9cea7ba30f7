//! A Swin stage with channel attention: what refines tokens and flows in ACTR and LPMFlow.

use tch::Tensor;

use crate::nn::layers::attention::Attention;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::layers::linear::INITIAL_STD;
use crate::nn::layers::mlp::Mlp;
use crate::nn::layers::norm::LayerNorm;
use crate::nn::layers::window::{relative_position_index, window_partition, window_reverse};
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::shape::dims;

/// Parity: the Swin parts keep libtorch's default epsilon, unlike the transformer blocks around them.
const EPSILON: f64 = 1e-5;

/// Sizes of a Swin stage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SwinShape {
    /// Channels (C).
    pub dim: i64,
    /// Attention heads.
    pub heads: i64,
    /// Side of the attention windows, in cells.
    pub window: i64,
}

/// Window attention and perceptron, each behind a layer norm and added to its input.
#[derive(Debug)]
struct SwinBlock {
    norm1: LayerNorm,
    attention: Attention,
    bias_table: Tensor,
    bias_index: Tensor,
    norm2: LayerNorm,
    mlp: Mlp,
    shape: SwinShape,
}

impl SwinBlock {
    fn new(path: &VarBuilder, shape: SwinShape) -> Self {
        let SwinShape { dim, heads, window } = shape;
        let offsets = (2 * window - 1) * (2 * window - 1);
        let table = &[offsets, heads];
        Self {
            norm1: LayerNorm::new(&(path / "norm1"), dim, EPSILON),
            bias_table: (path / "attn").parameter(
                "relative_position_bias_table",
                table,
                Init::TruncatedNormal(INITIAL_STD),
            ),
            attention: Attention::new(&(path / "attn"), dim, heads),
            bias_index: relative_position_index(window, path.device()),
            norm2: LayerNorm::new(&(path / "norm2"), dim, EPSILON),
            mlp: Mlp::new(&(path / "mlp"), dim, 4),
            shape,
        }
    }

    /// `[B, H, W, C]` to the same shape.
    fn forward(&self, xs: &Tensor) -> Tensor {
        let SwinShape { heads, window, .. } = self.shape;
        let [_, height, width, _] = dims(xs);
        let area = window * window;
        let bias = self.bias_table.index_select(0, &self.bias_index); // [W² * W², h]
        let bias = bias.view([area, area, heads]).permute([2, 0, 1]).unsqueeze(0); // [1, h, W², W²]
        let windows = window_partition(&self.norm1.forward(xs), window); // [B * windows, W², C]
        let attended = self.attention.self_attention(&windows, Some(&bias.contiguous()));
        let xs = xs + window_reverse(&attended, window, [height, width]);
        self.mlp.add_to(&xs, &self.norm2.forward(&xs), 0.0)
    }
}

/// Weighs channels by what the whole map holds: `x + x * sigmoid(m(mean x) + m(max x))`.
#[derive(Debug)]
struct ChannelAttention {
    squeeze: Conv2d,
    expand: Conv2d,
}

impl ChannelAttention {
    /// Channels are squeezed by this factor between the two maps.
    const REDUCTION: i64 = 16;

    fn new(path: &VarBuilder, dim: i64) -> Self {
        let squeezed = dim / Self::REDUCTION;
        let path = path / "fc";
        let shape =
            |inputs, outputs| ConvShape { bias: false, ..ConvShape::pointwise(inputs, outputs) };
        Self {
            squeeze: Conv2d::new(&(&path / 0), shape(dim, squeezed)),
            expand: Conv2d::new(&(&path / 2), shape(squeezed, dim)),
        }
    }

    /// `[B, H, W, C]` to the same shape.
    fn forward(&self, xs: &Tensor) -> Tensor {
        let weigh = |pooled: Tensor| {
            let pooled = pooled.permute([0, 3, 1, 2]); // [B, C, 1, 1]
            self.expand.forward(&self.squeeze.forward(&pooled).relu())
        };
        let mean = weigh(xs.mean_dim([1i64, 2].as_slice(), true, None));
        let maximum = weigh(xs.amax([1, 2], true));
        let weights = (mean + maximum).sigmoid().permute([0, 2, 3, 1]); // [B, 1, 1, C]
        xs + xs * weights
    }
}

/// A Swin stage (one block and a layer norm, added to the input), then channel attention.
#[derive(Debug)]
pub(crate) struct SwinStage {
    /// Absent in the ablation that keeps channel attention alone.
    transformer: Option<(SwinBlock, LayerNorm)>,
    channel_attention: ChannelAttention,
}

impl SwinStage {
    /// The complete stage.
    pub(crate) fn new(path: &VarBuilder, shape: SwinShape) -> Self {
        let transformer = path / 0 / "transformer";
        let block = SwinBlock::new(&(&transformer / "layers" / 0 / "blocks" / 0), shape);
        let norm = LayerNorm::new(&(&transformer / "norm"), shape.dim, EPSILON);
        Self {
            transformer: Some((block, norm)),
            channel_attention: ChannelAttention::new(&(path / 1), shape.dim),
        }
    }

    /// The stage without window attention and perceptron.
    pub(crate) fn channel_attention_alone(path: &VarBuilder, dim: i64) -> Self {
        Self { transformer: None, channel_attention: ChannelAttention::new(&(path / 1), dim) }
    }

    /// `[B, H, W, C]` to the same shape; the window's side divides H and W.
    pub(crate) fn forward(&self, xs: &Tensor) -> Tensor {
        match &self.transformer {
            Some((block, norm)) => {
                self.channel_attention.forward(&(xs + norm.forward(&block.forward(xs))))
            }
            None => self.channel_attention.forward(xs),
        }
    }
}
