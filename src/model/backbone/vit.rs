//! Vision transformer as iBOT pretrains it (Dosovitskiy et al. 2021; Zhou et al. 2022).

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::model::backbone::{Backbone, BackboneConfig, IMAGENET, Normalisation};
use crate::model::cost::block;
use crate::model::features::{FeatureShape, Features, LAST, Level, LevelShape};
use crate::model::part::Tagged;
use crate::nn::layers::attention::Attention;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::layers::linear::INITIAL_STD;
use crate::nn::layers::mlp::Mlp;
use crate::nn::layers::norm::LayerNorm;
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::resize::{Corners, resize_bilinear};
use crate::nn::runtime::recompute::Recompute;

const EPSILON: f64 = 1e-6;

/// Sizes of the transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VitConfig {
    /// Side of the square that images are resized to, in pixels.
    pub image: i64,
    /// Side of a patch, in pixels.
    pub patch: i64,
    /// Values per token.
    pub dim: i64,
    /// Number of blocks.
    pub depth: i64,
    /// Attention heads.
    pub heads: i64,
    /// Side of the patch grid the position embedding was pretrained on.
    pub pretrained_grid: i64,
}

impl VitConfig {
    /// ViT-B/16 at 256 pixels, pretrained at 224: the paper's backbone.
    pub(crate) fn base() -> Self {
        Self { image: 256, patch: 16, dim: 768, depth: 12, heads: 12, pretrained_grid: 14 }
    }

    /// A transformer small enough for tests.
    pub(crate) fn tiny() -> Self {
        Self { image: 64, patch: 16, dim: 32, depth: 2, heads: 4, pretrained_grid: 3 }
    }

    /// The form of the tokens, behind every block.
    fn shape(&self) -> FeatureShape {
        FeatureShape { dim: self.dim, side: self.image / self.patch, class_token: true }
    }

    /// The name of the level behind a block, counted from 1: tokens without the last layer norm.
    fn level(block: usize) -> String {
        format!("block-{block}")
    }
}

impl Tagged for VitConfig {
    const KIND: &'static str = "vit";
}

impl BackboneConfig for VitConfig {
    fn check(&self) -> Result<()> {
        let Self { image, patch, dim, depth, heads, pretrained_grid } = *self;
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
        ensure!(
            (1..=128).contains(&pretrained_grid),
            "the backbone's pretrained grid must have a side of 1 to 128 patches, not {pretrained_grid}"
        );
        Ok(())
    }

    fn normalisation(&self) -> Normalisation {
        IMAGENET
    }

    fn levels(&self) -> Vec<LevelShape> {
        let blocks = (1..=self.depth as usize)
            .map(|block| LevelShape { name: Self::level(block), shape: self.shape() });
        blocks.chain([LevelShape::last(self.shape())]).collect()
    }

    fn operations(&self) -> f64 {
        let [patch, dim, depth] = [self.patch, self.dim, self.depth].map(|size| size as f64);
        let patches = (self.shape().side * self.shape().side) as f64;
        let embedding = 2.0 * patches * 3.0 * patch * patch * dim;
        embedding + depth * block(patches + 1.0, patches + 1.0, dim)
    }

    fn build(&self, path: &VarBuilder, wanted: &[LevelShape]) -> Box<dyn Backbone> {
        Box::new(VisionTransformer::new(path, self, wanted))
    }

    fn is_unused(&self, name: &str) -> bool {
        // iBOT's own head and mask token.
        name.starts_with("head.") || name == "masked_embed"
    }
}

/// Attention and perceptron, each behind a layer norm and added to its input.
#[derive(Debug)]
struct Block {
    norm1: LayerNorm,
    attention: Attention,
    norm2: LayerNorm,
    mlp: Mlp,
}

impl Block {
    fn new(path: &VarBuilder, config: &VitConfig) -> Self {
        Self {
            norm1: LayerNorm::new(&(path / "norm1"), config.dim, EPSILON),
            attention: Attention::new(&(path / "attn"), config.dim, config.heads),
            norm2: LayerNorm::new(&(path / "norm2"), config.dim, EPSILON),
            mlp: Mlp::new(&(path / "mlp"), config.dim, 4),
        }
    }

    fn forward(&self, xs: &Tensor) -> Tensor {
        let xs = xs + self.attention.self_attention(&self.norm1.forward(xs), None);
        self.mlp.add_to(&xs, &self.norm2.forward(&xs), 0.0)
    }
}

/// The transformer with its variables.
#[derive(Debug)]
pub(crate) struct VisionTransformer {
    class_token: Tensor,
    position_embedding: Tensor,
    patch_embedding: Conv2d,
    blocks: Vec<Block>,
    norm: LayerNorm,
    config: VitConfig,
    wanted: Vec<LevelShape>,
}

impl VisionTransformer {
    /// Builds the variables under `path`.
    pub(crate) fn new(path: &VarBuilder, config: &VitConfig, wanted: &[LevelShape]) -> Self {
        let VitConfig { dim, patch, pretrained_grid, .. } = *config;
        let positions = 1 + pretrained_grid * pretrained_grid;
        let init = Init::TruncatedNormal(INITIAL_STD);
        Self {
            class_token: path.parameter("cls_token", &[1, 1, dim], init),
            position_embedding: path.parameter("pos_embed", &[1, positions, dim], init),
            patch_embedding: Conv2d::new(
                &(path / "patch_embed" / "proj"),
                ConvShape::patches(3, dim, patch),
            ),
            blocks: (0..config.depth)
                .map(|index| Block::new(&(path / "blocks" / index), config))
                .collect(),
            norm: LayerNorm::new(&(path / "norm"), dim, EPSILON),
            config: config.clone(),
            wanted: wanted.to_vec(),
        }
    }

    /// Images `[B, 3, H, W]` to tokens `[B, 1 + G * G, D]`, class token first, before the blocks.
    fn embed(&self, images: &Tensor) -> Tensor {
        let images = images.to_kind(self.class_token.kind());
        let images = resize_bilinear(&images, [self.config.image; 2], Corners::Edges);
        let patches = self.patch_embedding.forward(&images).flatten(2, 3).transpose(1, 2); // [B, G * G, D]
        let class_token = self.class_token.expand_as(&patches.narrow(1, 0, 1));
        Tensor::cat(&[class_token, patches], 1) + self.positions() // [B, 1 + G * G, D]
    }

    /// The position embedding on this configuration's grid, `[1, 1 + G * G, D]`.
    fn positions(&self) -> Tensor {
        let VitConfig { dim, pretrained_grid, .. } = self.config;
        let side = self.config.shape().side;
        if side == pretrained_grid {
            return self.position_embedding.shallow_clone();
        }
        let [class, grid] = [(0, 1), (1, pretrained_grid * pretrained_grid)]
            .map(|(start, length)| self.position_embedding.narrow(1, start, length));
        let grid = grid.view([1, pretrained_grid, pretrained_grid, dim]).permute([0, 3, 1, 2]); // [1, D, P, P]
        // Parity: upstream adds 0.1 to the wanted side before dividing, and the quotient steers the
        // coordinates.
        let scale = (side as f64 + 0.1) / pretrained_grid as f64;
        let grid = grid.upsample_bicubic2d([side, side], false, scale, scale); // [1, D, G, G]
        Tensor::cat(&[class, grid.flatten(2, 3).transpose(1, 2)], 1)
    }
}

impl Backbone for VisionTransformer {
    fn forward<'a>(&'a self, images: &Tensor, recompute: &Recompute<'a>) -> Features {
        let mut levels = Vec::with_capacity(self.wanted.len());
        let mut keep = |name: &str, tokens: &Tensor| {
            if self.wanted.iter().any(|wanted| wanted.name == name) {
                let shape = self.config.shape();
                levels.push(Level { name: name.to_owned(), tokens: tokens.shallow_clone(), shape });
            }
        };
        let mut tokens = self.embed(images);
        for (number, block) in (1..).zip(&self.blocks) {
            tokens = recompute.one(&tokens, |tokens| block.forward(tokens));
            keep(&VitConfig::level(number), &tokens);
        }
        keep(LAST, &recompute.one(&tokens, |tokens| self.norm.forward(tokens)));
        Features::new(levels)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn transformer(image: i64) -> VisionTransformer {
        let config = VitConfig { image, ..VitConfig::tiny() };
        let wanted = [LevelShape::last(config.shape())];
        VisionTransformer::new(&VarBuilder::fresh(Device::Cpu), &config, &wanted)
    }

    #[test]
    fn native_grid_uses_the_position_embedding_as_it_is() {
        let native = transformer(48);
        assert_eq!(native.positions(), native.position_embedding);
        // The embedding reaches the tokens: with another one they differ.
        let images = Tensor::zeros([1, 3, 48, 48], (Kind::Float, Device::Cpu));
        let last = || native.forward(&images, &Recompute::plain()).last().tokens.shallow_clone();
        let before = last();
        let _ = native.position_embedding.shallow_clone().fill_(0.0);
        assert!(!last().allclose(&before, 1e-3, 1e-3, false));
    }

    #[test]
    fn resized_embedding_keeps_the_class_entry_and_follows_the_stated_coordinates() {
        let resized = transformer(64);
        // A plane a + b * column: bicubic interpolation keeps it away from the rim.
        let side = 3;
        let grid =
            Tensor::arange(side * side, (Kind::Float, Device::Cpu)).remainder(side).view([1, 9, 1]);
        resized.position_embedding.narrow(1, 1, 9).copy_(&grid.expand([1, 9, 32], false));
        let positions = resized.positions();
        assert_eq!(positions.size(), [1, 17, 32]);
        assert_eq!(positions.narrow(1, 0, 1), resized.position_embedding.narrow(1, 0, 1));
        // Column 2 of 4: 2.5 / (4.1 / 3) - 0.5 = 1.3293. The four taps read 0, 1, 2, 2 (rim repeated),
        // weighed by the cubic kernel with a = -0.75.
        let t = 2.5 / (4.1 / 3.0) - 0.5 - 1.0;
        let a = -0.75;
        let near = |x: f64| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
        let far = |x: f64| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
        let wanted = near(t) + 2.0 * near(1.0 - t) + 2.0 * far(2.0 - t);
        let found = positions.double_value(&[0, 1 + 2, 0]);
        assert!((found - wanted).abs() < 1e-5, "{found} is not {wanted}");
    }
}
