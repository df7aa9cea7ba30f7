//! One block's part: whether it is chosen for a pair, and what it compares.

use tch::Tensor;

use crate::model::features::LevelShape;
use crate::model::matcher::dhpf::config::DhpfConfig;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::parameters::VarBuilder;
use crate::nn::resize::{Corners, resize_bilinear};

/// A block's gate and projection.
#[derive(Debug)]
pub(super) struct Layer {
    /// Its name among the backbone's levels.
    pub name: String,
    hidden: Conv2d,
    choice: Conv2d,
    reduction: Conv2d,
}

impl Layer {
    /// Builds the variables of block `index` below the model's root `path`.
    pub(super) fn new(
        path: &VarBuilder,
        config: &DhpfConfig,
        index: usize,
        level: &LevelShape,
    ) -> Self {
        let dim = level.shape.dim;
        let gate = path / "gumbel_ffns" / index;
        let choice = ConvShape { bias: false, ..ConvShape::pointwise(config.hidden, 2) };
        let reduction = ConvShape::pointwise(dim, dim / config.reduction);
        Self {
            name: level.name.clone(),
            hidden: Conv2d::new(&(&gate / 0), ConvShape::pointwise(dim, config.hidden)),
            choice: Conv2d::new(&(gate / 3), choice),
            reduction: Conv2d::new(&(path / "reduction_ffns" / index / 0), reduction),
        }
    }

    /// Whether the block is chosen for each pair, by the means of both photos' maps: `[B, C, G, G]` to `[B]`, of kind
    /// Bool.
    pub(super) fn is_chosen(&self, [source, target]: [&Tensor; 2]) -> Tensor {
        let mean = |map: &Tensor| map.mean_dim([2i64, 3].as_slice(), true, None);
        let hidden = self.hidden.forward(&(mean(source) + mean(target))).relu();
        let logits = self.choice.forward(&hidden).flatten(1, 3); // [B, 2]
        logits.select(1, 1).greater_tensor(&logits.select(1, 0))
    }

    /// What the block compares of the pairs that are marked, nothing of the others, on a grid of `side` rows:
    /// `[B, C, G, G]` to `[B, C', N]`; `marks` `[B]` of kind Bool.
    pub(super) fn reduced(&self, maps: [&Tensor; 2], marks: &Tensor, side: i64) -> [Tensor; 2] {
        maps.map(|map| {
            let reduced = self.reduction.forward(map).relu();
            let features = resize_bilinear(&reduced, [side; 2], Corners::Aligned).flatten(2, 3);
            let marks = marks.view([-1, 1, 1]).to_kind(features.kind());
            features * marks
        })
    }
}
