//! The network: an image becomes maps, block by block.

use tch::Tensor;

use crate::model::backbone::Backbone;
use crate::model::backbone::resnet::config::{BlockShape, ResNetConfig, STEM, Stem, sixteenths};
use crate::model::features::{FeatureShape, Features, LAST, Level, LevelShape};
use crate::model::input::ImageShape;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::parameters::VarBuilder;
use crate::nn::resize::{Corners, resize_bilinear};
use crate::nn::runtime::recompute::Recompute;
use crate::nn::shape::dims;
use crate::nn::unit_length::unit_length;

/// The network with its variables, as far as the wanted levels need it.
#[derive(Debug)]
pub(super) struct ResNet {
    /// One convolution after another, a ReLU behind each.
    stem: Vec<Conv2d>,
    blocks: Vec<Bottleneck>,
    config: ResNetConfig,
    wanted: Vec<LevelShape>,
}

impl ResNet {
    /// Builds the variables under `path`.
    pub(super) fn new(path: &VarBuilder, config: &ResNetConfig, wanted: &[LevelShape]) -> Self {
        let shapes = config.blocks();
        let is_wanted = |block: &usize| {
            let name = ResNetConfig::level(*block);
            let in_last = config.hyperpixel.contains(&(*block as i64));
            wanted.iter().any(|level| level.name == name || level.name == LAST && in_last)
        };
        let needed = (0..=shapes.len()).filter(is_wanted).max().unwrap_or(0);
        let stem = path / "conv1";
        let stem = match config.stem {
            Stem::Plain => {
                let shape =
                    ConvShape { kernel: 7, stride: 2, padding: 3, ..ConvShape::pointwise(3, STEM) };
                vec![Conv2d::new(&stem, shape)]
            }
            Stem::Deep => {
                let same = ConvShape::same3;
                // Between them stand batch norms, which are folded, and ReLUs.
                let first = ConvShape { stride: 2, ..same(3, STEM) };
                let layers = [(0, first), (3, same(STEM, STEM)), (6, same(STEM, 2 * STEM))];
                layers.map(|(index, shape)| Conv2d::new(&(&stem / index), shape)).into()
            }
        };
        let block = |shape: &BlockShape| Bottleneck::new(&(path / &shape.name), shape);
        Self {
            stem,
            blocks: shapes[..needed].iter().map(block).collect(),
            config: config.clone(),
            wanted: wanted.to_vec(),
        }
    }

    /// The maps of the hyperpixel, each of unit length at every cell, side by side on one grid: `[B, N, D]`.
    fn hyperpixel(&self, maps: &[Option<Tensor>], grid: [i64; 2]) -> Tensor {
        let parts: Vec<Tensor> = self
            .config
            .hyperpixel
            .iter()
            .filter_map(|&block| maps[block as usize].as_ref())
            .map(|map| {
                let map = resize_bilinear(map, grid, Corners::Aligned);
                unit_length(&map.permute([0, 2, 3, 1])) // [B, G, G, D]
            })
            .collect();
        Tensor::cat(&parts, -1).flatten(1, 2)
    }
}

impl Backbone for ResNet {
    fn forward<'a>(&'a self, images: &Tensor, recompute: &Recompute<'a>) -> Features {
        let is_wanted = |block: usize| {
            let name = ResNetConfig::level(block);
            self.config.hyperpixel.contains(&(block as i64))
                || self.wanted.iter().any(|level| level.name == name)
        };
        let keep = |block: usize, map: &Tensor| is_wanted(block).then(|| map.shallow_clone());
        let mut images = self.stem[0].like(images);
        if self.config.shape != ImageShape::Own {
            images = resize_bilinear(&images, self.config.size(), Corners::Edges);
        }
        let grid = sixteenths(map_size(&images));
        let stem = self.stem.iter().fold(images, |xs, layer| layer.forward(&xs).relu());
        let mut map = stem.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false); // [B, 64, H / 4, W / 4]
        let mut maps = vec![keep(0, &map)];
        for (number, block) in (1..).zip(&self.blocks) {
            map = recompute.one(&map, |map| block.forward(map));
            maps.push(keep(number, &map));
            map = map.relu();
        }
        let level = |level: &LevelShape| {
            let (tokens, [rows, columns]) = match (0..maps.len())
                .find(|block| ResNetConfig::level(*block) == level.name)
                .and_then(|block| maps[block].as_ref())
            {
                Some(map) => (map.flatten(2, 3).transpose(1, 2), map_size(map)), // [B, N, D]
                None => (self.hyperpixel(&maps, grid), grid),
            };
            // Where images have a form of their own, so have their features.
            let shape = FeatureShape { rows, columns, ..level.shape };
            Level { name: level.name.clone(), tokens, shape }
        };
        Features::new(self.wanted.iter().map(level).collect())
    }
}

/// Rows and columns of a map `[B, C, H, W]`.
fn map_size(map: &Tensor) -> [i64; 2] {
    let [_, _, rows, columns] = dims(map);
    [rows, columns]
}

/// Three convolutions, narrow in the middle, beside a shortcut.
#[derive(Debug)]
struct Bottleneck {
    narrow: Conv2d,
    middle: Conv2d,
    wide: Conv2d,
    /// None where the shortcut is the input itself.
    downsample: Option<Conv2d>,
}

impl Bottleneck {
    fn new(path: &VarBuilder, shape: &BlockShape) -> Self {
        let &BlockShape { inputs, width, outputs, stride, dilation, .. } = shape;
        let pointwise = ConvShape::pointwise;
        let middle = ConvShape { stride, ..ConvShape::same3(width, width).dilated(dilation) };
        let downsample = ConvShape { stride, ..pointwise(inputs, outputs) };
        let is_same = stride == 1 && inputs == outputs;
        Self {
            narrow: Conv2d::new(&(path / "conv1"), pointwise(inputs, width)),
            middle: Conv2d::new(&(path / "conv2"), middle),
            wide: Conv2d::new(&(path / "conv3"), pointwise(width, outputs)),
            downsample: (!is_same).then(|| Conv2d::new(&(path / "downsample"), downsample)),
        }
    }

    /// The sum, before its ReLU: `[B, in, H, W]` to `[B, out, H / stride, W / stride]`.
    fn forward(&self, xs: &Tensor) -> Tensor {
        let narrow = self.narrow.forward(xs).relu();
        let added = self.wide.forward(&self.middle.forward(&narrow).relu());
        match &self.downsample {
            Some(downsample) => added + downsample.forward(xs),
            None => added + xs,
        }
    }
}
