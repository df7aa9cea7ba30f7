//! NC-Net (Rocco et al., "Neighbourhood Consensus Networks", NeurIPS 2018): all matches of two grids, filtered by
//! convolutions over both.

pub(crate) mod config;
mod kind;
mod points;

use tch::Tensor;

use crate::model::features::Features;
use crate::nn::layers::conv4d::Conv4d;
use crate::nn::parameters::VarBuilder;
use crate::nn::unit_length::nearly_unit_length;
use config::NcNetConfig;

/// Added to the greatest of a cell's matches before they are divided by it.
const GREATEST_EPSILON: f64 = 1e-5;

/// The matcher with its variables.
#[derive(Debug)]
pub(crate) struct NcNet {
    layers: Vec<Conv4d>,
    level: String,
}

impl NcNet {
    /// Builds the variables below the model's root `path`.
    fn new(path: &VarBuilder, config: &NcNetConfig) -> Self {
        let path = path / "NeighConsensus" / "conv";
        // Every second module is a ReLU.
        let layer = |(index, sizes): (usize, [i64; 3])| Conv4d::new(&(&path / (2 * index)), sizes);
        Self {
            layers: config.layers().enumerate().map(layer).collect(),
            level: config.level.clone(),
        }
    }

    /// How well each source cell matches each target cell, `[B, S, T]`.
    pub(crate) fn filtered(&self, source: &Features, target: &Features) -> Tensor {
        let [source, target] = [source, target].map(|features| {
            let level = features.level(&self.level);
            (nearly_unit_length(&level.patches().relu()), level.shape.side())
        });
        let ((source, rows), (target, columns)) = (source, target);
        let raw = mutual(&source.bmm(&target.transpose(1, 2))); // [B, S, T]
        let map = raw.view([-1, 1, rows, rows, columns, columns]);
        let exchanged = |xs: &Tensor| xs.permute([0, 1, 4, 5, 2, 3]);
        let filtered =
            self.convolved(&map) + exchanged(&self.convolved(&exchanged(&map).contiguous()));
        mutual(&filtered.reshape([-1, rows * rows, columns * columns]))
    }

    fn convolved(&self, map: &Tensor) -> Tensor {
        self.layers.iter().fold(map.shallow_clone(), |xs, layer| layer.forward(&xs).relu())
    }
}

/// Each match times how near it comes to the greatest of its row and of its column (section 3.2).
///
/// # Shapes
/// `[B, S, T]`, result the same.
fn mutual(matches: &Tensor) -> Tensor {
    let part = |axis: i64| matches / (matches.amax([axis], true) + GREATEST_EPSILON);
    matches * (part(2) * part(1))
}
