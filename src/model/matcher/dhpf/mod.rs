//! DHPF (Min et al., "Learning to Compose Hypercolumns for Visual Correspondence", ECCV 2020): of all blocks of a
//! network, those are compared that suit the pair; matches that lead as far as many others count more.

pub(crate) mod config;
mod kind;
mod layer;

use tch::{Kind, Tensor};

use crate::geometry::Size;
use crate::model::features::{Features, LevelShape};
use crate::model::matcher::hough::{Side, support};
use crate::nn::parameters::VarBuilder;
use config::DhpfConfig;
use layer::Layer;

/// Pixels from cell to cell, half a cell's box, and a side of the authors' frame.
const STEP: i64 = 4;
const REACH: i64 = 5;

/// Added to the product of two lengths before it divides.
const LENGTH_EPSILON: f64 = 1e-3;

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
            side: levels.first().map_or(0, |level| level.shape.side()),
        }
    }

    /// How well each source cell matches each target cell, before neighbours are asked: `[B, S, T]`.
    pub(crate) fn appearance(&self, source: &Features, target: &Features) -> Tensor {
        let maps =
            |layer: &Layer| [source, target].map(|features| features.level(&layer.name).map());
        let mut features: [Vec<Tensor>; 2] = Default::default();
        let mut add = |reduced: [Tensor; 2]| {
            features.iter_mut().zip(reduced).for_each(|(all, more)| all.push(more));
        };
        let mut any: Option<Tensor> = None;
        for layer in &self.layers {
            let maps = maps(layer);
            let chosen = layer.is_chosen(maps.each_ref()); // [B]
            if chosen.any().int64_value(&[]) != 0 {
                add(layer.reduced(maps.each_ref(), &chosen, self.side));
            }
            any = Some(any.map_or_else(|| chosen.shallow_clone(), |any| any.logical_or(&chosen)));
        }
        // Where no block is chosen, what enters the first one stands in.
        let (first, none) = (&self.layers[0], any.map(|any| any.logical_not()));
        if let Some(none) = none.filter(|none| none.any().int64_value(&[]) != 0) {
            add(first.reduced(maps(first).each_ref(), &none, self.side));
        }
        let [source, target] = features.map(|parts| Tensor::cat(&parts, 1)); // [B, sum C', N]
        let length =
            |xs: &Tensor| xs.square().sum_dim_intlist([1].as_slice(), false, None::<Kind>).sqrt();
        let lengths = length(&source).unsqueeze(2).matmul(&length(&target).unsqueeze(1));
        let mut cosines = source.transpose(1, 2).bmm(&target);
        let _ = cosines.g_div_(&(lengths + LENGTH_EPSILON));
        cosines.relu_().square_()
    }

    /// The same with how many matches lead as far.
    pub(crate) fn matches(&self, source: &Features, target: &Features) -> Tensor {
        let appearance = self.appearance(source, target);
        let (side, shape) = (self.side, appearance.size());
        let frame = Size::square((STEP * side) as usize);
        let photo = Side { grid: [side; 2], step: STEP, frame };
        let support = support(&appearance, [photo; 2]); // [B, sy, sx, ty, tx]
        let grids = [-1, side, side, side, side];
        (appearance.view(grids) * support).reshape(shape)
    }
}
