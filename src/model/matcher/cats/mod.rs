//! CATs (Cho et al., "CATs: Cost Aggregation Transformers for Visual Correspondence", NeurIPS 2021): the
//! correlations of several levels of features, aggregated by a transformer from either photo's side.

mod block;
pub(crate) mod config;
mod kind;

use tch::Tensor;

use crate::model::features::{Features, LevelShape};
use crate::model::matcher::mutual::mutual;
use crate::nn::layers::linear::{INITIAL_STD, Linear};
use crate::nn::layers::soft_argmax::SoftArgmax;
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::runtime::recompute::Recompute;
use crate::nn::unit_length::nearly_unit_length;
use block::LevelsBlock;
use config::CatsConfig;

/// The matcher with its variables.
#[derive(Debug)]
pub(crate) struct Cats {
    projections: Vec<Linear>,
    /// `[1, L, 1, G, D / 2]`.
    column_positions: Tensor,
    /// `[1, L, G, 1, D / 2]`.
    row_positions: Tensor,
    blocks: Vec<LevelsBlock>,
    to_correlation: Linear,
    soft_argmax: SoftArgmax,
    config: CatsConfig,
}

/// The levels of one photo on the matcher's grid.
struct Described {
    /// Features of unit length, `[B, G * G, D]` of each level.
    unit: Vec<Tensor>,
    /// Projected features, `[B, L, G * G, P]`.
    projected: Tensor,
}

impl Cats {
    /// Builds the variables below the model's root `path`, for features of the given forms.
    fn new(path: &VarBuilder, config: &CatsConfig, levels: &[LevelShape]) -> Self {
        let CatsConfig { side, projection, depth, heads, .. } = *config;
        let (dim, count) = (config.dim(), levels.len());
        let decoder = path / "decoder";
        let positions = |name: &str, sides: [i64; 2]| {
            let shape = [1, count as i64, sides[0], sides[1], dim / 2];
            decoder.parameter(name, &shape, Init::TruncatedNormal(INITIAL_STD))
        };
        let projection = |(index, level): (usize, &LevelShape)| {
            Linear::new(&(path / "proj" / index), level.shape.dim, projection)
        };
        let block =
            |index: i64| LevelsBlock::new(&(&decoder / "blocks" / index), dim, heads, count);
        Self {
            projections: levels.iter().enumerate().map(projection).collect(),
            column_positions: positions("pos_embed_x", [1, side]),
            row_positions: positions("pos_embed_y", [side, 1]),
            blocks: (0..depth).map(block).collect(),
            to_correlation: Linear::new(&(&decoder / "proj"), dim, side * side),
            soft_argmax: SoftArgmax::new(path, side),
            config: config.clone(),
        }
    }

    /// The aggregated correlation of every source cell with every target cell, `[B, S, T]`.
    pub(crate) fn correlation<'a>(
        &'a self,
        source: &Features,
        target: &Features,
        recompute: &Recompute<'a>,
    ) -> Tensor {
        let [source, target] = [source, target].map(|features| self.described(features));
        let pairs = source.unit.iter().zip(&target.unit);
        let raw: Vec<Tensor> = pairs.map(|(s, t)| s.bmm(&t.transpose(1, 2))).collect();
        let raw = recompute.cut(&mutual(&Tensor::stack(&raw, 1))); // [B, L, S, T]
        // Parity: upstream's roles are the other way round, so that the source's cells come first here. Both times the
        // correlation is what it was, and not what the first pass made of it, that the result is added to.
        let from_source = self.aggregated(&raw, &source.projected, recompute) + &raw;
        let turned = from_source.transpose(2, 3).contiguous();
        let from_target =
            self.aggregated(&turned, &target.projected, recompute) + raw.transpose(2, 3); // [B, L, T, S]
        from_target.mean_dim([1].as_slice(), false, None).transpose(1, 2)
    }

    /// What the transformer makes of rows of a correlation and their cells' features: `[B, L, N, G * G]` and
    /// `[B, L, N, P]` to the correlation's shape.
    fn aggregated<'a>(
        &'a self,
        correlation: &Tensor,
        projected: &Tensor,
        recompute: &Recompute<'a>,
    ) -> Tensor {
        let side = self.config.side;
        let columns = self.column_positions.repeat([1, 1, side, 1, 1]);
        let rows = self.row_positions.repeat([1, 1, 1, side, 1]);
        let positions = Tensor::cat(&[columns, rows], 4).flatten(2, 3); // [1, L, G * G, D]
        let mut xs = Tensor::cat(&[correlation, projected], 3) + positions;
        for block in &self.blocks {
            xs = recompute.one(&xs, move |xs| block.forward(xs));
        }
        self.to_correlation.forward(&xs)
    }

    fn described(&self, features: &Features) -> Described {
        let maps: Vec<Tensor> = self
            .config
            .levels
            .iter()
            .map(|name| features.level(name).on_grid(self.config.side))
            .collect();
        let projected: Vec<Tensor> = self
            .projections
            .iter()
            .zip(&maps)
            .map(|(projection, xs)| projection.forward(xs))
            .collect();
        Described {
            unit: maps.iter().map(nearly_unit_length).collect(),
            projected: Tensor::stack(&projected, 1),
        }
    }
}
