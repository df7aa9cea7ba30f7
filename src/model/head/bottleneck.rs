//! The bottleneck adapter of DIY-SC (Dünkel et al. 2025): a residual block of convolutions on the grid of a
//! frozen backbone's features.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::model::cost::{Work, perceptron};
use crate::model::features::{FeatureShape, Features, Level};
use crate::model::head::{Head, HeadConfig};
use crate::model::part::Tagged;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::layers::norm::GroupNorm;
use crate::nn::parameters::VarBuilder;

/// Groups of channels that are normalised together.
const GROUPS: i64 = 32;

/// The block's sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BottleneckConfig {
    /// Channels between the two outer convolutions.
    pub width: i64,
}

impl Tagged for BottleneckConfig {
    const KIND: &'static str = "bottleneck";
}

impl HeadConfig for BottleneckConfig {
    fn check(&self, shape: &FeatureShape) -> Result<()> {
        ensure!(
            (GROUPS..=8192).contains(&self.width) && self.width % GROUPS == 0,
            "bottleneck: `width` must be a multiple of {GROUPS} up to 8192, not {}",
            self.width
        );
        ensure!(
            shape.dim % GROUPS == 0,
            "bottleneck: the features' {} values must be a multiple of {GROUPS}",
            shape.dim
        );
        Ok(())
    }

    /// The class token, which has no place on the grid, is left out.
    fn shape(&self, before: &FeatureShape) -> FeatureShape {
        FeatureShape { class_token: false, ..*before }
    }

    fn work(&self, shape: &FeatureShape) -> Work {
        let (cells, width) = (shape.side() * shape.side(), self.width);
        perceptron(cells, shape.dim, width) + Work::map(cells, 9 * width, width)
    }

    fn build(&self, path: &VarBuilder, shape: &FeatureShape) -> Box<dyn Head> {
        Box::new(Bottleneck::new(path, self, shape))
    }
}

/// The block with its variables.
#[derive(Debug)]
struct Bottleneck {
    /// 1x1 to the width, 3x3, and 1x1 back, each followed by a group norm.
    layers: [(Conv2d, GroupNorm); 3],
    shape: FeatureShape,
}

impl Bottleneck {
    fn new(path: &VarBuilder, config: &BottleneckConfig, before: &FeatureShape) -> Self {
        let layer = |name: &str, inputs: i64, outputs: i64, kernel: i64| {
            let place = path / name;
            let padding = kernel / 2;
            let pointwise = ConvShape::pointwise(inputs, outputs);
            let shape = ConvShape { kernel, padding, bias: false, ..pointwise };
            (Conv2d::new(&place, shape), GroupNorm::new(&(place / "norm"), outputs, GROUPS))
        };
        let (dim, width) = (before.dim, config.width);
        Self {
            layers: [
                layer("conv1", dim, width, 1),
                layer("conv2", width, width, 3),
                layer("conv3", width, dim, 1),
            ],
            shape: config.shape(before),
        }
    }
}

impl Head for Bottleneck {
    fn forward(&self, features: &Features) -> Features {
        let last = features.last();
        let (dim, side) = (self.shape.dim, self.shape.side());
        let map = last.patches().transpose(1, 2).reshape([-1, dim, side, side]); // [B, D, G, G]
        let [narrow, middle, wide] = &self.layers;
        let apply =
            |(conv, norm): &(Conv2d, GroupNorm), xs: &Tensor| norm.forward(&conv.forward(xs));
        let inner = apply(middle, &apply(narrow, &map).relu()).relu(); // [B, width, G, G]
        let map = (apply(wide, &inner) + map).relu();
        let tokens = map.flatten(2, 3).transpose(1, 2).contiguous(); // [B, G * G, D]
        let level = Level { name: last.name.clone(), tokens, shape: self.shape };
        features.with_last_level(level)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn the_class_token_leaves_and_what_the_block_adds_reaches_neighbours_alone() {
        let before = FeatureShape::square(32, 7).with_class_token();
        let config = BottleneckConfig { width: 32 };
        config.check(&before).unwrap();
        let head = config.build(&VarBuilder::fresh(Device::Cpu), &before);
        let tokens = Tensor::randn([2, 50, 32], (Kind::Float, Device::Cpu)).abs();
        let found = head.forward(&Features::last_alone(tokens.shallow_clone(), before));
        let last = found.last();
        assert_eq!((last.tokens.size(), last.shape.class_token), (vec![2, 49, 32], false));
        let other = tokens.copy();
        let _ = other.narrow(1, 0, 1).fill_(9.0);
        let same = head.forward(&Features::last_alone(other, before));
        assert_eq!(same.last().tokens, last.tokens, "the class token has no say");
    }
}
