//! EfficientNet-Lite (Tan & Le 2019, the variants for mobile devices): features at two depths, brought
//! together on the finer grid.
//!
//! Lite1 to Lite4 are Lite0 with more blocks and wider stages, as its authors scale it; the stem and the first
//! stage stay.
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

/// The stages of Lite0 that the features need; the network's last stage and its classifier are left out.
const STAGES: [Stage; 6] = [
    Stage { blocks: 1, stride: 1, kernel: 3, channels: 16, expansion: 1 },
    Stage { blocks: 2, stride: 2, kernel: 3, channels: 24, expansion: 6 },
    Stage { blocks: 2, stride: 2, kernel: 5, channels: 40, expansion: 6 },
    Stage { blocks: 3, stride: 2, kernel: 3, channels: 80, expansion: 6 },
    Stage { blocks: 3, stride: 1, kernel: 5, channels: 112, expansion: 6 },
    Stage { blocks: 4, stride: 2, kernel: 5, channels: 192, expansion: 6 },
];

/// Stages up to the first tap, at stride 16; the second is the end of the last stage, at stride 32.
const FINE_STAGES: usize = 5;

/// Channels of every stage are a multiple of this.
const CHANNEL_STEP: f64 = 8.0;

/// Blocks of one width.
#[derive(Clone, Copy, Debug)]
struct Stage {
    blocks: usize,
    /// Of the first block; the others keep the size.
    stride: i64,
    kernel: i64,
    channels: i64,
    expansion: i64,
}

/// The published sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Variant {
    /// 15 blocks before the taps' end.
    #[default]
    Lite0,
    /// 20 blocks.
    Lite1,
    /// 20 blocks, wider ones.
    Lite2,
    /// 23 blocks.
    Lite3,
    /// 29 blocks.
    Lite4,
}

impl Variant {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Lite0, Self::Lite1, Self::Lite2, Self::Lite3, Self::Lite4];

    /// By what the channels and the blocks of Lite0 are multiplied.
    fn scale(self) -> [f64; 2] {
        match self {
            Self::Lite0 => [1.0, 1.0],
            Self::Lite1 => [1.0, 1.1],
            Self::Lite2 => [1.1, 1.2],
            Self::Lite3 => [1.2, 1.4],
            Self::Lite4 => [1.4, 1.8],
        }
    }

    fn stages(self) -> [Stage; 6] {
        let [width, depth] = self.scale();
        let mut stages = STAGES.map(|stage| Stage {
            blocks: (stage.blocks as f64 * depth).ceil() as usize,
            channels: scaled_channels(stage.channels, width),
            ..stage
        });
        stages[0].blocks = STAGES[0].blocks;
        stages
    }

    /// Blocks up to the second tap.
    pub(crate) fn blocks(self) -> usize {
        self.stages().iter().map(|stage| stage.blocks).sum()
    }

    /// Channels of the last block.
    pub(crate) fn last_channels(self) -> i64 {
        self.stages()[STAGES.len() - 1].channels
    }

    /// Channels at the two taps.
    fn tap_channels(self) -> [i64; 2] {
        let stages = self.stages();
        [stages[FINE_STAGES - 1].channels, stages[STAGES.len() - 1].channels]
    }
}

/// The multiple of the step that is nearest, but not less than nine tenths.
fn scaled_channels(channels: i64, width: f64) -> i64 {
    let wanted = channels as f64 * width;
    let nearest = ((wanted + CHANNEL_STEP / 2.0) / CHANNEL_STEP).floor() * CHANNEL_STEP;
    let scaled = if nearest < 0.9 * wanted { nearest + CHANNEL_STEP } else { nearest };
    scaled as i64
}

/// Sizes of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EfficientNetConfig {
    /// Side the image is resized to, in pixels; a multiple of 32.
    pub image: i64,
    /// Which of the published sizes.
    pub variant: Variant,
}

impl Default for EfficientNetConfig {
    fn default() -> Self {
        Self { image: 256, variant: Variant::default() }
    }
}

impl EfficientNetConfig {
    /// The form of the tokens: no class token.
    fn shape(&self) -> FeatureShape {
        FeatureShape::square(self.variant.tap_channels().iter().sum(), self.image / STRIDE)
    }
}

impl Tagged for EfficientNetConfig {
    const KIND: &'static str = "efficientnet-lite";
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
        for stage in self.variant.stages() {
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
        Ok(Chosen::of(Arc::new(Self { image: side, ..self.clone() })))
    }

    fn build(&self, path: &VarBuilder, _wanted: &[LevelShape]) -> Box<dyn Backbone> {
        Box::new(EfficientNet::new(path, self))
    }
}

/// The network up to the second tap, with its variables.
#[derive(Debug)]
pub(crate) struct EfficientNet {
    stem: Convolution,
    blocks: Vec<Block>,
    /// Blocks up to the first tap.
    to_fine: usize,
    config: EfficientNetConfig,
}

impl EfficientNet {
    /// Builds the variables under `path`.
    pub(crate) fn new(path: &VarBuilder, config: &EfficientNetConfig) -> Self {
        let stem = Convolution::new(&(path / "stem"), [3, STEM], 3, 2);
        let mut blocks = Vec::new();
        let mut inputs = STEM;
        let mut to_fine = 0;
        for (index, stage) in config.variant.stages().iter().enumerate() {
            for position in 0..stage.blocks {
                let stride = if position == 0 { stage.stride } else { 1 };
                let path = path / "blocks" / blocks.len();
                blocks.push(Block::new(&path, inputs, stride, stage));
                inputs = stage.channels;
            }
            if index < FINE_STAGES {
                to_fine = blocks.len();
            }
        }
        Self { stem, blocks, to_fine, config: config.clone() }
    }

    /// `[B, 3, H, W]` to tokens `[B, G * G, D]` of unit length: the unit features of the first tap
    /// beside those of the second, which are resized bilinearly from half the grid.
    fn tokens<'a>(&'a self, images: &Tensor, recompute: &Recompute<'a>) -> Tensor {
        let side = self.config.shape().side();
        let images = images.to_kind(self.stem.weight.kind());
        let through = |blocks: &'a [Block], xs: Tensor| {
            blocks.iter().fold(xs, |xs, block| recompute.one(&xs, |xs| block.forward(xs)))
        };
        let (to_fine, to_coarse) = self.blocks.split_at(self.to_fine);
        let stem = self.stem.forward(&channels_last(&self.resized(&images))).clamp_(0.0, 6.0);
        let fine = through(to_fine, stem); // [B, D1, G, G]
        let coarse = through(to_coarse, fine.shallow_clone()); // [B, D2, G / 2, G / 2]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_published_networks() {
        let sizes = |variant: Variant| (variant.blocks(), variant.tap_channels());
        assert_eq!(sizes(Variant::Lite0), (15, [112, 192]));
        assert_eq!(sizes(Variant::Lite1), (20, [112, 192]));
        assert_eq!(sizes(Variant::Lite2), (20, [120, 208]));
        assert_eq!(sizes(Variant::Lite3), (23, [136, 232]));
        assert_eq!(sizes(Variant::Lite4), (29, [160, 272]));
    }
}
