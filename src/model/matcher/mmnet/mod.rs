//! MMNet (Zhao et al., "Multi-scale Matching Networks for Semantic Correspondence", ICCV 2021): the correlations of all
//! stages of a dilated network, added up from the deepest on.

pub(crate) mod config;
mod kind;
mod points;
mod stage;

use tch::Tensor;

use crate::model::features::{FeatureShape, Features, LevelShape};
use crate::nn::parameters::VarBuilder;
use crate::nn::resize::resize_nearest;
use config::MmNetConfig;
use stage::Stage;

/// The matcher with its variables.
#[derive(Debug)]
pub(crate) struct MmNet {
    /// The deepest first.
    stages: Vec<Stage>,
    /// A level of the last of them.
    finest: String,
}

impl MmNet {
    /// Builds the variables below the model's root `path`, for features of the given forms, which come in order of
    /// depth.
    fn new(path: &VarBuilder, config: &MmNetConfig, levels: &[LevelShape]) -> Self {
        let mut left: Vec<&LevelShape> = levels.iter().collect();
        let mut deeper = None;
        let stage = |(number, blocks): (usize, Vec<usize>)| {
            let own = left.split_off(left.len() - blocks.len());
            let rows = own[0].shape.rows;
            let join = deeper.replace(rows).map(|deeper: i64| rows > deeper);
            Stage::new(path, number, &own, [config.channels, config.rate], join)
        };
        Self { stages: config.read().map(stage).collect(), finest: config.finest() }
    }

    /// The form of the grid whose cells are matched.
    fn grid(&self, features: &Features) -> FeatureShape {
        features.level(&self.finest).shape
    }

    /// What each stage and those beneath it come to, the deepest first: `[B, C, rows, columns]`.
    pub(crate) fn fused(&self, features: &Features) -> Vec<Tensor> {
        let mut fused: Vec<Tensor> = Vec::new();
        for stage in &self.stages {
            fused.push(stage.forward(features, fused.last()));
        }
        fused
    }

    /// The sum of the stages' correlations, `[B, S, T]`: scalar products of any size.
    pub(crate) fn correlation(&self, source: &Features, target: &Features) -> Tensor {
        // The authors enlarge correlations, each cell's to the four in its place, which is that of the features so enlarged.
        let cells = |features: &Features| {
            let FeatureShape { rows, columns, .. } = self.grid(features);
            let enlarged = |map: Tensor| resize_nearest(&map, [rows, columns]).flatten(2, 3);
            self.fused(features).into_iter().map(enlarged).collect::<Vec<_>>()
        };
        // Side by side the products are summed in one.
        let [source, target] = [source, target].map(|features| Tensor::cat(&cells(features), 1));
        source.transpose(1, 2).bmm(&target)
    }
}
