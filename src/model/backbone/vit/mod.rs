//! Vision transformers (Dosovitskiy et al. 2021) as DINO, iBOT, DINOv2 and DINOv3 pretrain them.

mod adapter;
mod block;
pub(crate) mod config;
pub(crate) mod network;
mod positions;

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::model::backbone::{Backbone, BackboneConfig, IMAGENET, Normalisation};
use crate::model::cost::{self, Work};
use crate::model::features::LevelShape;
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;
pub(crate) use config::VitConfig;
use config::{Adapters, Positions};
use network::VisionTransformer;

impl Tagged for VitConfig {
    const KIND: &'static str = "vit";
}

impl BackboneConfig for VitConfig {
    fn check(&self) -> Result<()> {
        let Self { image, patch, dim, depth, heads, pretrained_grid, .. } = *self;
        ensure!(
            (1..=256).contains(&patch) && (patch..=2048).contains(&image) && image % patch == 0,
            "the backbone's image side {image} must be a multiple of its patch side {patch}, at most 2048"
        );
        ensure!(
            (1..=4096).contains(&dim) && (1..=64).contains(&heads) && dim % heads == 0,
            "the backbone's {dim} values per token, at most 4096, must divide into its {heads} heads, at most \
             64"
        );
        ensure!((1..=64).contains(&depth), "the backbone must have 1 to 64 blocks, not {depth}");
        if self.positions == Positions::Rotary {
            ensure!(
                (dim / heads) % 4 == 0,
                "rotary positions need heads of a multiple of 4 values, not {}",
                dim / heads
            );
        } else {
            ensure!(
                (1..=128).contains(&pretrained_grid),
                "the backbone's pretrained grid must have a side of 1 to 128 patches, not {pretrained_grid}"
            );
        }
        ensure!(
            (0..=64).contains(&self.registers),
            "the backbone must have 0 to 64 registers, not {}",
            self.registers
        );
        if let Some(hidden) = self.gated {
            ensure!(
                (1..=16384).contains(&hidden),
                "the backbone's perceptron must have 1 to 16384 hidden values, not {hidden}"
            );
        }
        if let Some(Adapters { first, last, width }) = self.adapters {
            ensure!(
                1 <= first && first <= last && last <= depth && (1..=16384).contains(&width),
                "the backbone's adapters of {width} hidden values in blocks {first} to {last} make no sense in {depth} \
                 blocks"
            );
        }
        ensure!(
            (1..=depth).contains(&self.computed()),
            "the features are to be those of block {}, but there are {depth}",
            self.computed()
        );
        Ok(())
    }

    fn describe(&self) -> String {
        let Self { patch, dim, depth, registers, .. } = *self;
        let size = match (dim, depth) {
            (192, 12) => "Ti",
            (384, 12) => "S",
            (768, 12) => "B",
            (1024, 24) => "L",
            (1280, 32) => "H",
            (1536, 40) => "g",
            _ => "",
        };
        let name = match size {
            "" => format!("ViT of {depth} blocks of {dim} values, patch {patch}"),
            size => format!("ViT-{size}/{patch}"),
        };
        match (registers > 0, self.adapters.is_some()) {
            (false, false) => name,
            (true, false) => name + " with registers",
            (false, true) => name + " with adapters",
            (true, true) => name + " with registers and adapters",
        }
    }

    fn normalisation(&self) -> Normalisation {
        IMAGENET
    }

    fn image(&self) -> i64 {
        self.image
    }

    fn levels(&self) -> Vec<LevelShape> {
        let blocks = (1..=self.computed())
            .map(|block| LevelShape { name: Self::level(block), shape: self.shape() });
        blocks.chain([LevelShape::last(self.shape())]).collect()
    }

    fn work(&self) -> Work {
        let Self { patch, dim, heads, .. } = *self;
        let patches = self.shape().side() * self.shape().side();
        let tokens = patches + 1 + self.registers;
        let perceptron = match self.gated {
            None => cost::perceptron(tokens, dim, 4 * dim),
            Some(hidden) => Work::map(tokens, dim, 2 * hidden) + Work::map(tokens, hidden, dim),
        };
        let adapters = self.adapters.map_or(Work::default(), |adapters| {
            let count = (1..=self.computed()).filter(|block| adapters.is_in(*block)).count();
            cost::perceptron(tokens, dim, adapters.width).repeated(count as i64)
        });
        let block = cost::attention(tokens, tokens, dim, heads) + perceptron;
        Work::map(patches, 3 * patch * patch, dim) + block.repeated(self.computed()) + adapters
    }

    fn build(&self, path: &VarBuilder, wanted: &[LevelShape]) -> Box<dyn Backbone> {
        Box::new(VisionTransformer::new(path, self, wanted))
    }

    /// Images of another side, a multiple of the patch's.
    fn with_image(&self, side: i64) -> Result<Chosen<dyn BackboneConfig>> {
        let patch = self.patch;
        ensure!(
            side % patch == 0,
            "the backbone's patches have {patch} pixels a side, so the input size must be a multiple of it, \
             such as {}",
            (side / patch).max(1) * patch
        );
        Ok(Chosen::of(Arc::new(Self { image: side, ..self.clone() })))
    }

    fn is_unused(&self, name: &str) -> bool {
        let later = |name: &str| {
            let block = name.strip_prefix("blocks.").and_then(|rest| rest.split('.').next());
            block
                .and_then(|block| block.parse().ok())
                .is_some_and(|block: i64| block >= self.computed())
        };
        // The heads and mask tokens of pretraining, and what lies behind the features.
        name.starts_with("head.")
            || ["masked_embed", "mask_token"].contains(&name)
            || later(name)
            || !self.output.norm && name.starts_with("norm.")
    }
}
