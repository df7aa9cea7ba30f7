//! The network: an image becomes maps, block by block.

use tch::Tensor;

use crate::model::backbone::Backbone;
use crate::model::backbone::resnet::activation::{ACTIVATION, Activation};
use crate::model::backbone::resnet::config::{
    BlockShape, ResNetConfig, STEM, SeenBy, Stem, sixteenths,
};
use crate::model::backbone::resnet::segmentation::Segmentation;
use crate::model::features::{FeatureShape, Features, LAST, Level, LevelShape};
use crate::model::input::ImageShape;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::parameters::VarBuilder;
use crate::nn::resize::{Corners, resize_bilinear};
use crate::nn::runtime::recompute::Recompute;
use crate::nn::shape::map_size;
use crate::nn::unit_length::unit_length;

/// The network with its variables, as far as the wanted levels need it.
#[derive(Debug)]
pub(super) struct ResNet {
    /// One convolution after another, a ReLU behind each.
    stem: Vec<Conv2d>,
    blocks: Vec<Bottleneck>,
    seen: Option<Seen>,
    config: ResNetConfig,
    wanted: Vec<LevelShape>,
}

/// What says where in an image things are.
#[derive(Debug)]
enum Seen {
    Classes(Activation),
    Things(Segmentation),
}

impl ResNet {
    /// Builds the variables under `path`.
    pub(super) fn new(path: &VarBuilder, config: &ResNetConfig, wanted: &[LevelShape]) -> Self {
        let shapes = config.blocks();
        let wants = |name: &str| wanted.iter().any(|level| level.name == name);
        let is_read = |block: &usize| {
            wants(&ResNetConfig::level(*block))
                || wants(LAST) && config.hyperpixel.contains(&(*block as i64))
        };
        let needed = match wants(ACTIVATION) {
            true => shapes.len(),
            false => (0..=shapes.len()).filter(is_read).max().unwrap_or(0),
        };
        let channels = shapes.last().map_or(STEM, |block| block.outputs);
        let block = |shape: &BlockShape| Bottleneck::new(&(path / &shape.name), shape);
        Self {
            stem: stem(&(path / "conv1"), config.stem),
            blocks: shapes[..needed].iter().map(block).collect(),
            seen: wants(ACTIVATION).then(|| match config.seen_by {
                SeenBy::Classifier => Seen::Classes(Activation::new(path, channels)),
                SeenBy::Segmentation => Seen::Things(Segmentation::new(path, channels)),
            }),
            config: config.clone(),
            wanted: wanted.to_vec(),
        }
    }

    /// Whether the map of a block is read, by itself or within the hyperpixel.
    fn reads(&self, block: usize) -> bool {
        let name = ResNetConfig::level(block);
        self.wanted.iter().any(|level| {
            level.name == name
                || level.name == LAST && self.config.hyperpixel.contains(&(block as i64))
        })
    }

    /// The last map of images `[B, 3, H, W]`, behind its ReLU; `found` gets what enters the first block as 0 and every
    /// block's map before its ReLU.
    fn run<'a>(
        &'a self,
        images: &Tensor,
        recompute: &Recompute<'a>,
        mut found: impl FnMut(usize, &Tensor),
    ) -> Tensor {
        let images = images.shallow_clone();
        let stem = self.stem.iter().fold(images, |xs, layer| layer.forward(&xs).relu());
        let mut map = stem.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false); // [B, C, H / 4, W / 4]
        found(0, &map);
        for (number, block) in (1..).zip(&self.blocks) {
            map = recompute.one(&map, |map| block.forward(map));
            found(number, &map);
            map = map.relu();
        }
        map
    }

    /// The maps of the hyperpixel, each of unit length at every cell, side by side on one grid: `[B, D, H, W]`.
    fn hyperpixel(&self, maps: &[Option<Tensor>], grid: [i64; 2]) -> Tensor {
        let parts: Vec<Tensor> = self
            .config
            .hyperpixel
            .iter()
            .filter_map(|&block| maps[block as usize].as_ref())
            .map(|map| {
                let map = resize_bilinear(map, grid, Corners::Aligned);
                unit_length(&map.permute([0, 2, 3, 1])) // [B, H, W, D]
            })
            .collect();
        Tensor::cat(&parts, -1).permute([0, 3, 1, 2])
    }
}

/// The layers before the first pooling.
fn stem(path: &VarBuilder, stem: Stem) -> Vec<Conv2d> {
    let same = ConvShape::same3;
    match stem {
        Stem::Plain => {
            let shape =
                ConvShape { kernel: 7, stride: 2, padding: 3, ..ConvShape::pointwise(3, STEM) };
            vec![Conv2d::new(path, shape)]
        }
        Stem::Deep => {
            // Between them stand batch norms, which are folded, and ReLUs.
            let first = ConvShape { stride: 2, ..same(3, STEM) };
            let layers = [(0, first), (3, same(STEM, STEM)), (6, same(STEM, 2 * STEM))];
            layers.map(|(index, shape)| Conv2d::new(&(path / index), shape)).into()
        }
    }
}

impl Backbone for ResNet {
    fn forward<'a>(&'a self, images: &Tensor, recompute: &Recompute<'a>) -> Features {
        let mut images = self.stem[0].like(images);
        if self.config.shape != ImageShape::Own {
            images = resize_bilinear(&images, self.config.size(), Corners::Edges);
        }
        let mut maps: Vec<Option<Tensor>> = Vec::new();
        let last = self.run(&images, recompute, |block, map| {
            maps.push(self.reads(block).then(|| map.shallow_clone()));
        });
        let level = |level: &LevelShape| {
            let own = (0..maps.len()).find(|block| ResNetConfig::level(*block) == level.name);
            let map = match (own.and_then(|block| maps[block].as_ref()), &self.seen) {
                (Some(map), _) => map.shallow_clone(),
                (None, Some(seen)) if level.name == ACTIVATION => {
                    let see = |images: &Tensor| self.run(images, &Recompute::plain(), |_, _| {});
                    let map = match seen {
                        Seen::Classes(activation) => activation.forward(&images, &last, see),
                        Seen::Things(things) => things.forward(&last, map_size(&images)),
                    };
                    map.unsqueeze(1)
                }
                _ => self.hyperpixel(&maps, sixteenths(map_size(&images))),
            };
            // Where images have a form of their own, so have their features.
            let [rows, columns] = map_size(&map);
            let shape = FeatureShape { rows, columns, ..level.shape };
            let tokens = map.flatten(2, 3).transpose(1, 2); // [B, N, D]
            Level { name: level.name.clone(), tokens, shape }
        };
        Features::new(self.wanted.iter().map(level).collect()).of_images(map_size(&images))
    }
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
