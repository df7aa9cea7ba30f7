//! CHM (Min and Cho, "Convolutional Hough Matching Networks", CVPR 2021): matches at several scales vote for one another
//! by convolutions over the cells of both photos, and over both scales.

pub(crate) mod config;
mod kernel;
mod kind;

use tch::{Kind, Tensor};

use crate::model::features::{Features, LevelShape};
use crate::model::matcher::cosine::flow_to;
use crate::model::matcher::mutual::mutual;
use crate::model::matcher::near_best::Window;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::layers::conv4d::convolve;
use crate::nn::parameters::VarBuilder;
use crate::nn::resize::{Corners, resize_bilinear, resize_matches};
use config::{ChmConfig, FINER};
use kernel::{CellKernel, SCALES, ScaleKernel};

/// How many times fewer values the features have when they are compared.
const REDUCTION: i64 = 4;

/// How wide the Gaussian is around the best match, in cells of the flow's grid.
const SIGMA: f64 = 17.0;

/// The matcher with its variables.
#[derive(Debug)]
pub(crate) struct Chm {
    /// For each scale.
    transforms: Vec<Conv2d>,
    scale_votes: ScaleKernel,
    cell_votes: CellKernel,
    config: ChmConfig,
}

impl Chm {
    /// Builds the variables below the model's root `path`, for features of the given form.
    fn new(path: &VarBuilder, config: &ChmConfig, level: &LevelShape) -> Self {
        let path = &(path / "learner").in_kind(Kind::Float);
        let dim = level.shape.dim;
        let shape = ConvShape { bias: false, ..ConvShape::same3(dim, dim / REDUCTION) };
        let transform = |scale: i64| Conv2d::new(&(path / "conv2ds" / scale), shape);
        Self {
            transforms: (0..SCALES).map(transform).collect(),
            scale_votes: ScaleKernel::new(&(path / "chm6d"), config.sharing),
            cell_votes: CellKernel::new(&(path / "chm4d"), config.sharing),
            config: config.clone(),
        }
    }

    /// The cosines of all cells at every pair of scales, none below 0: `[B, 9, S, T]`.
    pub(crate) fn correlations(&self, source: &Features, target: &Features) -> Tensor {
        let side = source.level(&self.config.level).shape.side();
        let [source, target] = [source, target].map(|features| self.described(features));
        let mut pairs = Vec::new();
        for source in &source {
            for target in &target {
                let cosines = source.bmm(&target.transpose(1, 2)); // [B, S', T']
                pairs.push(resize_matches(&cosines, side));
            }
        }
        Tensor::stack(&pairs, 1).clamp_min(0.0)
    }

    /// How well each source cell matches each target cell on the flow's grid, `[B, S, T]`.
    pub(crate) fn matches(&self, source: &Features, target: &Features) -> Tensor {
        let side = source.level(&self.config.level).shape.side();
        let cells = side * side;
        let correlations = self.correlations(source, target);
        let grouped = self.scale_votes.seen.matmul(&correlations.flatten(2, 3)); // [B, 9 S, S * T]
        let (weight, bias) = self.scale_votes.weight();
        let groups = weight.size()[2];
        let voted = convolve(&grouped.view([-1, groups, side, side, side, side]), &weight, &bias);
        let best = voted.sigmoid().view([-1, SCALES * SCALES, cells, cells]).amax([1], false);

        let fine = FINER * side;
        let matches = resize_matches(&best, fine).view([-1, 1, fine, fine, fine, fine]);
        let (weight, bias) = self.cell_votes.weight();
        let voted = convolve(&matches, &weight, &bias).softplus();
        mutual(&voted.reshape([-1, fine * fine, fine * fine]))
    }

    /// Where each source cell finds itself near its best match, `[B, 2, G, G]`.
    fn flow(&self, source: &Features, target: &Features) -> Tensor {
        let side = FINER * source.level(&self.config.level).shape.side();
        let matches = self.matches(source, target);
        flow_to(&Window::Gaussian(SIGMA).expected_cells(&matches, side, 1.0), side)
    }

    /// Features of unit length at each scale, `[B, N, C]`.
    fn described(&self, features: &Features) -> Vec<Tensor> {
        let level = features.level(&self.config.level);
        let map = level.map().relu().to_kind(Kind::Float); // [B, D, G, G]
        let sides = self.config.sides(level.shape.side());
        let at_scale = |(side, transform): (i64, &Conv2d)| {
            let resized = resize_bilinear(&map, [side; 2], Corners::Aligned);
            let cells = transform.forward(&resized).flatten(2, 3).transpose(1, 2); // [B, N, C]
            &cells / cells.norm_scalaropt_dim(2.0, [-1], true)
        };
        sides.into_iter().zip(&self.transforms).map(at_scale).collect()
    }
}
