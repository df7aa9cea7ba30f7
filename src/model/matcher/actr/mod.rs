//! ACTR (Sun et al., "Correspondence Transformers With Asymmetric Feature Learning and Matching Flow
//! Super-Resolution", CVPR 2023): blocks in which the source looks for itself in the target, each with a flow of its
//! own, all of which are refined and averaged.

mod block;
pub(crate) mod config;
mod kind;
mod refiner;

use tch::Tensor;

use crate::model::features::FeatureShape;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::layers::soft_argmax::SoftArgmax;
use crate::nn::parameters::VarBuilder;
use crate::nn::resize::{Corners, resize_bilinear, resize_nearest};
use crate::nn::runtime::dropout::drop_channels;
use crate::nn::runtime::recompute::Recompute;
use block::MatchingBlock;
use config::ActrConfig;
use refiner::FlowRefiner;

/// Cells of the flow per cell of the feature grid.
const FLOW_PER_CELL: i64 = 4;

/// The matcher with its variables.
#[derive(Debug)]
pub(crate) struct Actr {
    blocks: Vec<MatchingBlock>,
    soft_argmax: SoftArgmax,
    project: Conv2d,
    refiner: FlowRefiner,
    feature_dropout: f64,
    shape: FeatureShape,
}

impl Actr {
    /// Builds the variables below the model's root `path`, for features of the given form.
    fn new(path: &VarBuilder, config: &ActrConfig, shape: &FeatureShape) -> Self {
        let decoder = path / "decoder";
        let block = |index: i64| {
            let is_last = index == config.depth - 1;
            let path = match is_last {
                true => &decoder / "last_block" / 0,
                false => &decoder / "blocks" / index,
            };
            MatchingBlock::new(&path, shape, config.heads, is_last)
        };
        let project = ConvShape::pointwise(shape.dim, config.feature_channels);
        Self {
            blocks: (0..config.depth).map(block).collect(),
            soft_argmax: SoftArgmax::new(path, shape.side()),
            project: Conv2d::new(&(path / "refine_proj_query_feat" / 0), project),
            refiner: FlowRefiner::new(path, config),
            feature_dropout: config.feature_dropout,
            shape: *shape,
        }
    }

    /// The flow `[B, 2, 4 G, 4 G]` from source to target, in its own pixels. Each block's correlation is shown to
    /// `observe` under the name that the reference numbers use.
    pub(crate) fn flow<'a>(
        &'a self,
        [source, target]: [&Tensor; 2],
        train: bool,
        recompute: &Recompute<'a>,
        observe: &mut dyn FnMut(&str, &Tensor),
    ) -> Tensor {
        let mut tokens = [source.shallow_clone(), target.shallow_clone()];
        let mut flows = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let [source, target, correlation] =
                recompute.run(tokens.each_ref(), move |tokens| block.forward(tokens));
            tokens = [source, target];
            observe(&format!("corr_{index}"), &correlation);
            flows.push(recompute.one(&correlation, |xs| self.soft_argmax.flow(xs))); // [B, 2, G, G]
        }
        let side = self.shape.side();
        let [source, _] = tokens;
        let patches = source.narrow(1, 1, side * side); // [B, G * G, D]
        let map = patches.transpose(1, 2).reshape([-1, self.shape.dim, side, side]); // [B, D, G, G]
        let features = self.project.forward(&map).relu();
        let size = [FLOW_PER_CELL * side; 2];
        let features = resize_bilinear(&features, size, Corners::Aligned); // [B, C, 4 G, 4 G]
        let features = match train {
            true => drop_channels(features, self.feature_dropout),
            false => features,
        };
        // All blocks' flows in one batch.
        let count = flows.len() as i64;
        let coarse = resize_nearest(&Tensor::cat(&flows, 0), size) * FLOW_PER_CELL; // [K B, 2, 4 G, 4 G]
        let coarse = recompute.cut(&coarse);
        let repeated = features.repeat([count, 1, 1, 1]);
        let stacked = Tensor::cat(&[&coarse.to_kind(repeated.kind()), &repeated], 1);
        let residual = recompute.one(&stacked, |xs| self.refiner.forward(xs));
        let refined = &coarse + residual.to_kind(coarse.kind());
        let [height, width] = size;
        refined.view([count, -1, 2, height, width]).mean_dim([0].as_slice(), false, None)
    }
}
