//! DHPF (Min et al., "Learning to Compose Hypercolumns for Visual Correspondence", ECCV 2020): of all blocks of a
//! network, those are compared that suit the pair; matches that lead as far as many others count more.

pub(crate) mod config;
mod hough;
mod kind;
mod layer;
mod points;

use tch::Tensor;

use crate::model::features::{Features, Level, LevelShape};
use crate::nn::parameters::VarBuilder;
use config::DhpfConfig;
use hough::support;
use layer::{Compared, Layer};

/// Added to the product of two lengths before it divides.
const LENGTH_EPSILON: f64 = 1e-3;

/// What a greatest match of 0 is divided by.
const TINY: f64 = 1e-30;

/// The matcher with its variables.
#[derive(Debug)]
pub(crate) struct Dhpf {
    layers: Vec<Layer>,
    side: i64,
}

impl Dhpf {
    /// Builds the variables below the model's root `path`, for features of the given forms.
    fn new(path: &VarBuilder, config: &DhpfConfig, levels: &[LevelShape]) -> Self {
        let layer = |(index, level): (usize, &LevelShape)| Layer::new(path, config, index, level);
        Self {
            layers: levels.iter().enumerate().map(layer).collect(),
            side: levels.first().map_or(0, |level| level.shape.side),
        }
    }

    /// How well each source cell matches each target cell, before neighbours are asked: `[B, S, T]`.
    pub(crate) fn appearance(&self, source: &Features, target: &Features) -> Tensor {
        let mut chosen: Option<(Tensor, Compared)> = None;
        for layer in &self.layers {
            let maps = [source, target].map(|features| map(features.level(&layer.name)));
            let is_chosen = layer.is_chosen(maps.each_ref());
            if is_chosen.any().int64_value(&[]) == 0 {
                continue;
            }
            let compared = layer.compare(maps.each_ref(), self.side).of(&is_chosen);
            chosen = Some(match chosen {
                Some((any, sum)) => (any.logical_or(&is_chosen), sum.plus(compared)),
                None => (is_chosen, compared),
            });
        }
        // Where no block is chosen, what enters the first one stands in.
        let first = &self.layers[0];
        let stand_in = || {
            let maps = [source, target].map(|features| map(features.level(&first.name)));
            first.compare(maps.each_ref(), self.side)
        };
        let compared = match chosen {
            None => stand_in(),
            Some((any, sum)) if any.all().int64_value(&[]) == 0 => {
                sum.plus(stand_in().of(&any.logical_not()))
            }
            Some((_, sum)) => sum,
        };
        let [source, target] = compared.squares.map(|squares| squares.sqrt());
        (compared.products / (source.matmul(&target) + LENGTH_EPSILON)).relu().square()
    }

    /// The same with how many matches lead as far.
    pub(crate) fn matches(&self, source: &Features, target: &Features) -> Tensor {
        let appearance = self.appearance(source, target);
        let support = support(&appearance, self.side);
        appearance * support
    }
}

/// A level's patches as a map, `[B, C, G, G]`.
fn map(level: &Level) -> Tensor {
    let (dim, side) = (level.shape.dim, level.shape.side);
    level.patches().transpose(1, 2).reshape([-1, dim, side, side])
}

/// Each match times how near it comes to the greatest of its row and of its column.
///
/// # Shapes
/// `[B, S, T]`, result the same.
fn mutual(matches: &Tensor) -> Tensor {
    let part = |axis: i64| {
        let greatest = matches.amax([axis], true);
        matches / greatest.where_self(&greatest.not_equal(0.0), &greatest.full_like(TINY))
    };
    matches * (part(2) * part(1))
}
