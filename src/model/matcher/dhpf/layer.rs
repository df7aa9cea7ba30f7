//! One block's part: whether it is chosen for a pair, and what it compares.

use tch::{Kind, Tensor};

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

/// What is summed over the chosen blocks.
#[derive(Debug)]
pub(super) struct Compared {
    /// Scalar products of the features of both photos' cells, `[B, S, T]`.
    pub products: Tensor,
    /// The squared lengths of the source's features, `[B, S, 1]`, and of the target's, `[B, 1, T]`.
    pub squares: [Tensor; 2],
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

    /// What the block compares, on a grid of `side` rows.
    pub(super) fn compare(&self, maps: [&Tensor; 2], side: i64) -> Compared {
        let [source, target] = maps.map(|map| {
            let reduced = self.reduction.forward(map).relu();
            resize_bilinear(&reduced, [side; 2], Corners::Aligned).flatten(2, 3) // [B, C, N]
        });
        let squares =
            |xs: &Tensor| xs.square().sum_dim_intlist([1].as_slice(), false, None::<Kind>);
        Compared {
            products: source.transpose(1, 2).bmm(&target),
            squares: [squares(&source).unsqueeze(2), squares(&target).unsqueeze(1)],
        }
    }
}

impl Compared {
    /// Of the pairs that are marked alone, `[B]` of kind Bool.
    pub(super) fn of(self, pairs: &Tensor) -> Self {
        let marks = pairs.view([-1, 1, 1]).to_kind(self.products.kind());
        let [source, target] = self.squares;
        Self { products: self.products * &marks, squares: [source * &marks, target * &marks] }
    }

    /// The sum with another block's.
    pub(super) fn plus(self, other: Self) -> Self {
        let [source, target] = self.squares;
        let [more_source, more_target] = other.squares;
        Self {
            products: self.products + other.products,
            squares: [source + more_source, target + more_target],
        }
    }
}
