//! EfficientNet-Lite0 (Tan & Le 2019, the variant for mobile devices): features at two depths, brought
//! together on the finer grid.
//!
//! Batch norm is folded into the convolutions when the published weights are converted, so a layer is one
//! convolution with bias.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::model::backbone::{Backbone, BackboneConfig, Normalisation};
use crate::model::cost::Work;
use crate::model::features::{FeatureShape, Features, LevelShape};
use crate::model::part::{Chosen, Tagged};
use crate::nn::ops::Operation;
use crate::nn::ops::depthwise::{DepthwiseRelu6, same_convolution};
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::resize::{Corners, resize_bilinear};
use crate::nn::runtime::recompute::Recompute;
use crate::nn::shape::dims;
use crate::nn::unit_length::unit_length;

/// What the published weights were trained with: `(v - 127) / 128` for values in 0 to 255.
const NORMALISATION: Normalisation =
    Normalisation { mean: [127.0 / 255.0; 3], std: [128.0 / 255.0; 3] };

/// Pixels of the image per cell of the finer feature grid.
const STRIDE: i64 = 16;

/// Channels of the stem.
const STEM: i64 = 32;

/// The stages that the features need; the network's last stage and its classifier are left out.
const STAGES: [Stage; 6] = [
    Stage { blocks: 1, stride: 1, kernel: 3, channels: 16, expansion: 1 },
    Stage { blocks: 2, stride: 2, kernel: 3, channels: 24, expansion: 6 },
    Stage { blocks: 2, stride: 2, kernel: 5, channels: 40, expansion: 6 },
    Stage { blocks: 3, stride: 2, kernel: 3, channels: 80, expansion: 6 },
    Stage { blocks: 3, stride: 1, kernel: 5, channels: 112, expansion: 6 },
    Stage { blocks: 4, stride: 2, kernel: 5, channels: 192, expansion: 6 },
];

/// The last block at stride 16.
const FINE_TAP: usize = 10;

/// Channels at the two taps: block 10, and the last block (14, stride 32).
const TAP_CHANNELS: [i64; 2] = [112, 192];

/// Blocks of one width.
struct Stage {
    blocks: usize,
    /// Of the first block; the others keep the size.
    stride: i64,
    kernel: i64,
    channels: i64,
    expansion: i64,
}

/// Sizes of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EfficientNetConfig {
    /// Side the image is resized to, in pixels; a multiple of 32.
    pub image: i64,
}

impl Default for EfficientNetConfig {
    fn default() -> Self {
        Self { image: 256 }
    }
}

impl EfficientNetConfig {
    /// The form of the tokens: no class token.
    fn shape(&self) -> FeatureShape {
        FeatureShape::square(TAP_CHANNELS.iter().sum(), self.image / STRIDE)
    }
}

impl Tagged for EfficientNetConfig {
    const KIND: &'static str = "efficientnet-lite0";
}

impl BackboneConfig for EfficientNetConfig {
    fn check(&self) -> Result<()> {
        let image = self.image;
        ensure!(
            (32..=1024).contains(&image) && image % 32 == 0,
            "the backbone's image side must be a multiple of 32 up to 1024, not {image}"
        );
        Ok(())
    }

    fn normalisation(&self) -> Normalisation {
        NORMALISATION
    }

    fn image(&self) -> i64 {
        self.image
    }

    fn levels(&self) -> Vec<LevelShape> {
        vec![LevelShape::last(self.shape())]
    }

    fn work(&self) -> Work {
        let mut side = self.image / 2;
        let mut inputs = STEM;
        let mut work = Work::map(side * side, 9 * 3, STEM);
        for stage in &STAGES {
            for position in 0..stage.blocks {
                let wide = inputs * stage.expansion;
                if stage.expansion > 1 {
                    work = work + Work::map(side * side, inputs, wide);
                }
                side /= if position == 0 { stage.stride } else { 1 };
                let filters = side * side * wide * stage.kernel * stage.kernel;
                work = work
                    + Work::other(2.0 * filters as f64)
                    + Work::map(side * side, wide, stage.channels);
                inputs = stage.channels;
            }
        }
        work
    }

    fn with_image(&self, side: i64) -> Result<Chosen<dyn BackboneConfig>> {
        Ok(Chosen::of(Arc::new(Self { image: side })))
    }

    fn build(&self, path: &VarBuilder, _wanted: &[LevelShape]) -> Box<dyn Backbone> {
        Box::new(EfficientNet::new(path, self))
    }
}

/// The network up to block 14, with its variables.
#[derive(Debug)]
pub(crate) struct EfficientNet {
    stem: Convolution,
    blocks: Vec<Block>,
    config: EfficientNetConfig,
}

impl EfficientNet {
    /// Builds the variables under `path`.
    pub(crate) fn new(path: &VarBuilder, config: &EfficientNetConfig) -> Self {
        let stem = Convolution::new(&(path / "stem"), [3, STEM], 3, 2);
        let mut blocks = Vec::new();
        let mut inputs = STEM;
        for stage in &STAGES {
            for position in 0..stage.blocks {
                let stride = if position == 0 { stage.stride } else { 1 };
                let path = path / "blocks" / blocks.len();
                blocks.push(Block::new(&path, inputs, stride, stage));
                inputs = stage.channels;
            }
        }
        Self { stem, blocks, config: config.clone() }
    }

    /// `[B, 3, H, W]` to tokens `[B, G * G, D]` of unit length: the unit features of block 10 beside
    /// those of block 14, which are resized bilinearly from half the grid.
    fn tokens<'a>(&'a self, images: &Tensor, recompute: &Recompute<'a>) -> Tensor {
        let side = self.config.shape().side();
        let images = images.to_kind(self.stem.weight.kind());
        let through = |blocks: &'a [Block], xs: Tensor| {
            blocks.iter().fold(xs, |xs, block| recompute.one(&xs, |xs| block.forward(xs)))
        };
        let (to_fine, to_coarse) = self.blocks.split_at(FINE_TAP + 1);
        let stem = self.stem.forward(&channels_last(&self.resized(&images))).clamp_(0.0, 6.0);
        let fine = through(to_fine, stem); // [B, 112, G, G]
        let coarse = through(to_coarse, fine.shallow_clone()); // [B, 192, G / 2, G / 2]
        let coarse = resize_bilinear(&coarse, [side; 2], Corners::Edges);
        let taps = [fine, coarse].map(|tap| unit_length(&tap.permute([0, 2, 3, 1])));
        unit_length(&Tensor::cat(&taps, 3)).flatten(1, 2) // [B, G * G, D]
    }

    fn resized(&self, images: &Tensor) -> Tensor {
        let [_, _, height, width] = dims(images);
        let side = self.config.image;
        if [height, width] == [side; 2] {
            return images.shallow_clone();
        }
        resize_bilinear(images, [side; 2], Corners::Edges)
    }
}

impl Backbone for EfficientNet {
    fn forward<'a>(&'a self, images: &Tensor, recompute: &Recompute<'a>) -> Features {
        Features::last_alone(self.tokens(images, recompute), self.config.shape())
    }
}

/// Inverted bottleneck: widen, filter each channel, narrow, and add the input where the shape is kept.
#[derive(Debug)]
struct Block {
    /// None in the first stage, which is not widened.
    expand: Option<Convolution>,
    depthwise: Convolution,
    project: Convolution,
    shortcut: bool,
}

impl Block {
    fn new(path: &VarBuilder, inputs: i64, stride: i64, stage: &Stage) -> Self {
        let &Stage { kernel, channels, expansion, .. } = stage;
        let wide = inputs * expansion;
        Self {
            expand: (expansion > 1)
                .then(|| Convolution::new(&(path / "expand"), [inputs, wide], 1, 1)),
            depthwise: Convolution::depthwise(&(path / "depthwise"), wide, kernel, stride),
            project: Convolution::new(&(path / "project"), [wide, channels], 1, 1),
            shortcut: stride == 1 && inputs == channels,
        }
    }

    fn forward(&self, xs: &Tensor) -> Tensor {
        let wide = self.expand.as_ref().map(|expand| expand.forward(xs));
        let filtered = DepthwiseRelu6 {
            xs: wide.as_ref().unwrap_or(xs),
            relu6_before: wide.is_some(),
            weight: &self.depthwise.weight,
            bias: &self.depthwise.bias,
            stride: self.depthwise.stride,
        };
        let narrow = self.project.forward(&filtered.run());
        if self.shortcut { narrow + xs } else { narrow }
    }
}

/// A convolution with TensorFlow's "same" padding and its batch norm folded in.
#[derive(Debug)]
struct Convolution {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
}

impl Convolution {
    fn new(path: &VarBuilder, [inputs, outputs]: [i64; 2], kernel: i64, stride: i64) -> Self {
        Self::of_shape(path, [outputs, inputs, kernel, kernel], stride)
    }

    fn depthwise(path: &VarBuilder, channels: i64, kernel: i64, stride: i64) -> Self {
        Self::of_shape(path, [channels, 1, kernel, kernel], stride)
    }

    fn of_shape(path: &VarBuilder, shape: [i64; 4], stride: i64) -> Self {
        let [outputs, inputs, kernel, _] = shape;
        let bound = 1.0 / ((inputs * kernel * kernel) as f64).sqrt();
        Self {
            weight: path.parameter("weight", &shape, Init::Uniform(bound)),
            bias: path.parameter("bias", &[outputs], Init::Uniform(bound)),
            stride,
        }
    }

    /// `[B, in, H, W]` to `[B, out, H / stride, W / stride]`, sides being multiples of the stride.
    fn forward(&self, xs: &Tensor) -> Tensor {
        same_convolution(xs, &self.weight, &self.bias, self.stride, 1)
    }
}

/// The same values, stored pixel by pixel: almost twice as fast through all these convolutions.
fn channels_last(images: &Tensor) -> Tensor {
    images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}
