//! Token upsampler: the "internal" super-resolution of progressive feature super-resolution
//! (upstream `SRBranch_feat`).

use tch::Tensor;

use crate::model::features::FeatureShape;
use crate::model::matcher::lpmflow::config::{Ablation, LpmFlowConfig};
use crate::nn::layers::swin::{SwinShape, SwinStage};
use crate::nn::parameters::VarBuilder;
use crate::nn::resize::{Corners, resize_bilinear};
use crate::nn::runtime::recompute::Recompute;
use crate::nn::shape::dims;

/// Doubles the grid of patch tokens; the class token passes through.
#[derive(Debug)]
pub(super) struct TokenUpsampler {
    /// Empty in the ablation with bilinear resizing alone.
    stages: Vec<SwinStage>,
    side: i64,
}

impl TokenUpsampler {
    /// Builds the parameters under `path`, for coarse tokens of the given shape.
    pub(super) fn new(path: &VarBuilder, config: &LpmFlowConfig, shape: &FeatureShape) -> Self {
        let swin =
            SwinShape { dim: shape.dim, heads: config.heads, window: config.upsampler_window };
        let stage = |name| {
            let path = path / name;
            if config.has(Ablation::SrBlock) {
                SwinStage::new(&path, swin)
            } else {
                SwinStage::channel_attention_alone(&path, shape.dim)
            }
        };
        let names = ["refine_swin_decoder_1_1", "refine_swin_decoder_1_2"];
        let stages = if config.has(Ablation::InternalSr) {
            names.into_iter().map(stage).collect()
        } else {
            Vec::new()
        };
        Self { stages, side: shape.side() }
    }

    /// `[B, 1 + G * G, D]` to `[B, 1 + F * F, D]`.
    pub(super) fn forward<'a>(&'a self, tokens: &Tensor, recompute: &Recompute<'a>) -> Tensor {
        let resized = upsample_tokens(tokens, self.side);
        if self.stages.is_empty() {
            return resized;
        }
        let [_, count, dim] = dims(&resized);
        let map = resized.narrow(1, 1, count - 1).reshape([-1, 2 * self.side, 2 * self.side, dim]); // [B, F, F, D]
        let map = self
            .stages
            .iter()
            .fold(map, |map, stage| recompute.one(&map, |map| stage.forward(map)));
        Tensor::cat(&[resized.narrow(1, 0, 1), map.view([-1, count - 1, dim])], 1)
    }
}

/// Doubles the grid by bilinear resizing alone, `[B, 1 + G * G, D]` to `[B, 1 + F * F, D]`.
pub(super) fn upsample_tokens(tokens: &Tensor, side: i64) -> Tensor {
    let [_, count, dim] = dims(tokens);
    let map = tokens.narrow(1, 1, count - 1).reshape([-1, side, side, dim]).permute([0, 3, 1, 2]); // [B, D, G, G]
    let map = resize_bilinear(&map, [2 * side; 2], Corners::Edges).permute([0, 2, 3, 1]); // [B, F, F, D]
    Tensor::cat(&[tokens.narrow(1, 0, 1), map.reshape([-1, 4 * side * side, dim])], 1)
}
