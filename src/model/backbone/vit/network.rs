//! The transformer: an image becomes tokens, block by block.

use std::rc::Rc;

use tch::Tensor;

use crate::model::backbone::Backbone;
use crate::model::backbone::vit::block::Block;
use crate::model::backbone::vit::config::{Facet, Positions, VitConfig};
use crate::model::backbone::vit::positions::resized;
use crate::model::features::{Features, LAST, Level, LevelShape};
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::layers::linear::INITIAL_STD;
use crate::nn::layers::norm::LayerNorm;
use crate::nn::layers::rotary::Rotary;
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::resize::{Corners, resize_bilinear};
use crate::nn::runtime::recompute::Recompute;

/// The transformer with its variables.
#[derive(Debug)]
pub(crate) struct VisionTransformer {
    class_token: Tensor,
    /// `[1, R, D]`.
    registers: Option<Tensor>,
    /// `[1, 1 + P * P, D]`.
    position_embedding: Option<Tensor>,
    rotary: Option<Rotary>,
    patch_embedding: Conv2d,
    blocks: Vec<Block>,
    norm: Option<LayerNorm>,
    config: VitConfig,
    wanted: Vec<LevelShape>,
}

impl VisionTransformer {
    /// Builds the variables under `path`.
    pub(crate) fn new(path: &VarBuilder, config: &VitConfig, wanted: &[LevelShape]) -> Self {
        let VitConfig { dim, patch, pretrained_grid, registers, .. } = *config;
        let init = Init::TruncatedNormal(INITIAL_STD);
        let is_rotary = config.positions == Positions::Rotary;
        let table = 1 + pretrained_grid * pretrained_grid;
        // DINOv3 calls them storage tokens.
        let register_tokens = if is_rotary { "storage_tokens" } else { "register_tokens" };
        Self {
            class_token: path.parameter("cls_token", &[1, 1, dim], init),
            registers: (registers > 0)
                .then(|| path.parameter(register_tokens, &[1, registers, dim], init)),
            position_embedding: (!is_rotary)
                .then(|| path.parameter("pos_embed", &[1, table, dim], init)),
            rotary: is_rotary
                .then(|| Rotary::new(&(path / "rope_embed"), config.dim / config.heads)),
            patch_embedding: Conv2d::new(
                &(path / "patch_embed" / "proj"),
                ConvShape::patches(3, dim, patch),
            ),
            blocks: (1..=config.computed())
                .map(|number| Block::new(&(path / "blocks" / (number - 1)), config, number))
                .collect(),
            norm: config
                .output
                .norm
                .then(|| LayerNorm::new(&(path / "norm"), dim, config.epsilon())),
            config: config.clone(),
            wanted: wanted.to_vec(),
        }
    }

    /// Images `[B, 3, H, W]` to tokens `[B, 1 + R + G * G, D]`, class token and registers first, before the
    /// blocks.
    fn embed(&self, images: &Tensor) -> Tensor {
        let images = images.to_kind(self.class_token.kind());
        let images = resize_bilinear(&images, [self.config.image; 2], Corners::Edges);
        let patches = self.patch_embedding.forward(&images).flatten(2, 3).transpose(1, 2); // [B, G * G, D]
        let class_token = self.class_token.expand_as(&patches.narrow(1, 0, 1));
        let mut tokens = Tensor::cat(&[class_token, patches], 1); // [B, 1 + G * G, D]
        if let Some(table) = &self.position_embedding {
            tokens += resized(table, &self.config);
        }
        let Some(registers) = &self.registers else { return tokens };
        // They come after the positions were added: they have none.
        let places = self.places();
        let registers = registers.expand_as(&tokens.narrow(1, 0, registers.size()[1]));
        let [class_token, patches] =
            [(0, 1), (1, places)].map(|(start, n)| tokens.narrow(1, start, n));
        Tensor::cat(&[class_token, registers, patches], 1)
    }

    /// How many patches there are.
    fn places(&self) -> i64 {
        let side = self.config.shape().side();
        side * side
    }

    /// The tokens that leave, without the registers: `[B, 1 + R + G * G, D]` to `[B, 1 + G * G, D]`.
    fn without_registers(&self, tokens: &Tensor) -> Tensor {
        let registers = self.config.registers;
        if registers == 0 {
            return tokens.shallow_clone();
        }
        Tensor::cat(&[tokens.narrow(1, 0, 1), tokens.narrow(1, 1 + registers, self.places())], 1)
    }
}

impl Backbone for VisionTransformer {
    fn forward<'a>(&'a self, images: &Tensor, recompute: &Recompute<'a>) -> Features {
        let mut levels = Vec::with_capacity(self.wanted.len());
        let mut keep = |name: &str, tokens: &dyn Fn() -> Tensor| {
            if self.wanted.iter().any(|wanted| wanted.name == name) {
                let (name, shape) = (name.to_owned(), self.config.shape());
                levels.push(Level { name, tokens: self.without_registers(&tokens()), shape });
            }
        };
        let side = self.config.shape().side();
        let rotation = self.rotary.as_ref().map(|rotary| Rc::new(rotary.of_grid([side, side])));
        let mut tokens = self.embed(images);
        let mut before = tokens.shallow_clone();
        for (number, block) in (1..).zip(&self.blocks) {
            before = tokens;
            let rotation = rotation.clone();
            tokens =
                recompute.one(&before, move |tokens| block.forward(tokens, rotation.as_deref()));
            keep(&VitConfig::level(number), &|| tokens.shallow_clone());
        }
        let output = match (self.config.output.facet, self.blocks.last()) {
            (Facet::Keys, Some(block)) => block.keys(&before),
            _ => tokens,
        };
        keep(LAST, &|| match &self.norm {
            Some(norm) => recompute.one(&output, |tokens| norm.forward(tokens)),
            None => output.shallow_clone(),
        });
        Features::new(levels)
    }

    fn settle(&mut self) {
        if let Some(table) = &mut self.position_embedding {
            *table = resized(table, &self.config);
            self.config.pretrained_grid = self.config.shape().side();
        }
    }
}
