//! One block of the transformer.

use tch::Tensor;

use crate::model::backbone::vit::adapter::Adapter;
use crate::model::backbone::vit::config::VitConfig;
use crate::nn::layers::attention::Attention;
use crate::nn::layers::mlp::{GatedMlp, Mlp};
use crate::nn::layers::norm::LayerNorm;
use crate::nn::layers::rotary::Rotation;
use crate::nn::parameters::{Init, VarBuilder};

/// What layer scale starts with.
const INITIAL_SCALE: f64 = 1e-5;

/// Attention and perceptron, each behind a layer norm and added to its input.
#[derive(Debug)]
pub(super) struct Block {
    norm1: LayerNorm,
    attention: Attention,
    /// `[D]`, what attention adds is multiplied by it.
    scale1: Option<Tensor>,
    norm2: LayerNorm,
    perceptron: Perceptron,
    /// Beside the perceptron.
    adapter: Option<Adapter>,
    /// `[D]`, for the perceptron.
    scale2: Option<Tensor>,
}

#[derive(Debug)]
enum Perceptron {
    Plain(Mlp),
    Gated(GatedMlp),
}

impl Perceptron {
    fn forward(&self, xs: &Tensor) -> Tensor {
        match self {
            Self::Plain(mlp) => mlp.forward(xs),
            Self::Gated(mlp) => mlp.forward(xs),
        }
    }
}

impl Block {
    /// The block with this number, counted from 1.
    pub(super) fn new(path: &VarBuilder, config: &VitConfig, number: i64) -> Self {
        let VitConfig { dim, heads, .. } = *config;
        let scale = |name: &str| {
            let place = path / name;
            let scaled = config.layer_scale;
            scaled.then(|| place.parameter("gamma", &[dim], Init::Constant(INITIAL_SCALE)))
        };
        let mlp = path / "mlp";
        Self {
            norm1: LayerNorm::new(&(path / "norm1"), dim, config.epsilon()),
            attention: Attention::new(&(path / "attn"), dim, heads),
            scale1: scale("ls1"),
            norm2: LayerNorm::new(&(path / "norm2"), dim, config.epsilon()),
            perceptron: match config.gated {
                None => Perceptron::Plain(Mlp::new(&mlp, dim, 4)),
                Some(hidden) => Perceptron::Gated(GatedMlp::new(&mlp, dim, hidden)),
            },
            adapter: config
                .adapters
                .filter(|adapters| adapters.is_in(number))
                .map(|adapters| Adapter::new(&(path / "adapter"), dim, adapters.width)),
            scale2: scale("ls2"),
        }
    }

    /// `[B, N, D]` to the same shape.
    pub(super) fn forward(&self, xs: &Tensor, rotation: Option<&Rotation>) -> Tensor {
        let attended = self.attention.rotated_self_attention(&self.norm1.forward(xs), rotation);
        let xs = xs + scaled(attended, self.scale1.as_ref());
        let normalised = self.norm2.forward(&xs);
        let xs = match &self.adapter {
            Some(adapter) => &xs + adapter.forward(&xs),
            None => xs,
        };
        match (&self.perceptron, &self.scale2) {
            // The sum is a part of the last product.
            (Perceptron::Plain(mlp), None) => mlp.add_to(&xs, &normalised, 0.0),
            (perceptron, scale) => xs + scaled(perceptron.forward(&normalised), scale.as_ref()),
        }
    }

    /// The keys of the block's attention, `[B, N, D]` to the same shape.
    pub(super) fn keys(&self, xs: &Tensor) -> Tensor {
        self.attention.keys(&self.norm1.forward(xs))
    }
}

fn scaled(xs: Tensor, scale: Option<&Tensor>) -> Tensor {
    match scale {
        Some(scale) => xs * scale,
        None => xs,
    }
}
