//! Residual networks of bottlenecks (He et al. 2016), ResNet-50 and its deeper siblings: every block's features
//! before its last ReLU, and several side by side (hyperpixels, Min et al. 2019).
//!
//! Batch norm is frozen and folded into the convolutions when the weights are read.

pub(crate) mod activation;
pub(crate) mod config;
mod network;
pub(crate) mod segmentation;

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::model::backbone::{Backbone, BackboneConfig, IMAGENET, Normalisation};
use crate::model::cost::Work;
use crate::model::features::{FeatureShape, LevelShape};
use crate::model::input::ImageShape;
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;
use activation::ACTIVATION;
use config::{ResNetConfig, STEM, Stem, halved};
use network::ResNet;

impl Tagged for ResNetConfig {
    const KIND: &'static str = "resnet";
}

impl BackboneConfig for ResNetConfig {
    fn check(&self) -> Result<()> {
        let Self { image, stages, hyperpixel, .. } = self;
        ensure!(
            (32..=2048).contains(image),
            "the backbone's image side must lie in 32 to 2048, not {image}"
        );
        ensure!(
            (1..=4).contains(&stages.len())
                && stages.iter().all(|blocks| (1..=64).contains(blocks)),
            "the backbone must have 1 to 4 stages of 1 to 64 blocks, not {stages:?}"
        );
        let blocks: i64 = stages.iter().sum();
        ensure!(
            (1..=32).contains(&hyperpixel.len())
                && hyperpixel.iter().all(|block| (0..=blocks).contains(block)),
            "the features are to be those of the blocks {hyperpixel:?}, but they are numbered 0 to {blocks}"
        );
        Ok(())
    }

    fn describe(&self) -> String {
        let blocks: i64 = self.stages.iter().sum();
        let dilated = if self.dilated { "dilated " } else { "" };
        match self.stages[..] {
            // Three convolutions a block, the first one and the classifier.
            [_, _, _, _] => format!("{dilated}ResNet-{}", 3 * blocks + 2),
            _ => format!("ResNet of {blocks} blocks"),
        }
    }

    fn normalisation(&self) -> Normalisation {
        IMAGENET
    }

    fn image(&self) -> i64 {
        self.image
    }

    fn image_shape(&self) -> ImageShape {
        self.shape
    }

    fn levels(&self) -> Vec<LevelShape> {
        let level = |(block, shape)| LevelShape { name: Self::level(block), shape };
        let blocks = self.shapes().into_iter().enumerate().map(level);
        let activation = LevelShape {
            name: ACTIVATION.to_owned(),
            shape: FeatureShape { dim: 1, ..self.shapes()[0] },
        };
        // The classifier is made for all four stages.
        let activation = (self.stages.len() == 4).then_some(activation);
        blocks.chain(activation).chain([LevelShape::last(self.shape())]).collect()
    }

    fn work(&self) -> Work {
        let [rows, columns] = self.size().map(halved);
        let needed = self.hyperpixel.iter().max().map_or(0, |&block| block as usize);
        let shapes = self.shapes();
        let blocks = self.blocks().into_iter().zip(shapes.windows(2));
        let blocks = blocks.take(needed).map(|(block, shapes)| {
            let [before, after] = [0, 1].map(|i| shapes[i].cells());
            let shortcut = (block.inputs != block.outputs)
                .then(|| Work::map(after, block.inputs, block.outputs));
            Work::map(before, block.inputs, block.width)
                + Work::map(after, 9 * block.width, block.width)
                + Work::map(after, block.width, block.outputs)
                + shortcut.unwrap_or_default()
        });
        let stem = match self.stem {
            Stem::Plain => Work::map(rows * columns, 49 * 3, STEM),
            Stem::Deep => {
                let layer = |inputs, outputs| Work::map(rows * columns, 9 * inputs, outputs);
                layer(3, STEM) + layer(STEM, STEM) + layer(STEM, 2 * STEM)
            }
        };
        stem + blocks.sum()
    }

    /// Images of any side.
    fn with_image(&self, side: i64) -> Result<Chosen<dyn BackboneConfig>> {
        Ok(Chosen::of(Arc::new(Self { image: side, ..self.clone() })))
    }

    fn build(&self, path: &VarBuilder, wanted: &[LevelShape]) -> Box<dyn Backbone> {
        Box::new(ResNet::new(path, self, wanted))
    }

    /// The classifier, and blocks behind the features that are read.
    fn is_unused(&self, name: &str) -> bool {
        let of_block = |name: &str| {
            self.blocks().iter().any(|block| {
                let part = name.strip_prefix(&block.name).and_then(|part| part.strip_prefix('.'));
                let parts = ["conv1", "conv2", "conv3", "downsample"];
                part.and_then(|part| part.rsplit_once('.')).is_some_and(|(layer, kind)| {
                    parts.contains(&layer) && ["weight", "bias"].contains(&kind)
                })
            })
        };
        name.starts_with("fc.") || name.starts_with("segmentation.") || of_block(name)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::model::features::LAST;
    use crate::nn::runtime::recompute::Recompute;

    fn config() -> ResNetConfig {
        ResNetConfig::new(72, vec![2, 1, 1], vec![0, 2, 4])
    }

    #[test]
    fn levels_have_the_forms_they_promise_and_no_more_is_built_than_they_need() {
        let config = config();
        config.check().unwrap();
        let offered = config.levels();
        // 72 pixels: 18 cells, then 9, 5; the hyperpixel on a cell for 16 pixels.
        let forms: Vec<(i64, i64)> =
            offered.iter().map(|level| (level.shape.dim, level.shape.side())).collect();
        assert_eq!(forms, [(64, 18), (256, 18), (256, 18), (512, 9), (1024, 5), (1344, 5)]);
        let images = Tensor::rand([2, 3, 40, 50], (Kind::Float, Device::Cpu));
        for (names, last_block) in
            [(vec!["block-0", "block-3"], "layer2.0"), (vec!["block-1", LAST], "layer3.0")]
        {
            let wanted: Vec<LevelShape> = offered
                .iter()
                .filter(|level| names.contains(&level.name.as_str()))
                .cloned()
                .collect();
            let path = VarBuilder::fresh(Device::Cpu);
            let features = config.build(&path, &wanted).forward(&images, &Recompute::plain());
            for level in &wanted {
                let found = features.level(&level.name);
                let cells = level.shape.side() * level.shape.side();
                assert_eq!(found.tokens.size(), [2, cells, level.shape.dim], "{}", level.name);
            }
            let (parameters, _) = path.finish();
            let built = parameters.last().map(|parameter| parameter.name.clone()).unwrap();
            assert!(built.starts_with(last_block), "{built}");
            assert!(
                parameters.iter().all(|p| p.name.starts_with("conv1") || config.is_unused(&p.name))
            );
        }
        assert!(!config.is_unused("layer1.0.se.fc1.weight") && config.is_unused("fc.bias"));
    }

    #[test]
    fn networks_are_called_by_the_number_of_their_layers() {
        for (stages, name) in [
            (vec![3, 4, 6, 3], "ResNet-50"),
            (vec![3, 4, 23, 3], "ResNet-101"),
            (vec![3, 4, 23], "ResNet of 30 blocks"),
        ] {
            assert_eq!(ResNetConfig { stages, ..config() }.describe(), name);
        }
    }

    #[test]
    fn blocks_that_are_not_there_cannot_be_read() {
        let beyond = ResNetConfig { hyperpixel: vec![0, 5], ..config() };
        let error = beyond.check().unwrap_err().to_string();
        assert!(error.contains("numbered 0 to 4"), "{error}");
        assert!(ResNetConfig { stages: vec![], ..config() }.check().is_err());
        assert!(ResNetConfig { hyperpixel: vec![], ..config() }.check().is_err());
    }
}
