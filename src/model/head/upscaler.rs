//! The upscaler of MARCO (Cuttano et al. 2026): the grid of features becomes finer, twofold with every step.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::model::cost::Work;
use crate::model::features::{FeatureShape, Features, Level};
use crate::model::head::{Head, HeadConfig};
use crate::model::part::Tagged;
use crate::nn::layers::norm::LayerNorm;
use crate::nn::parameters::{Init, VarBuilder};

/// Side of the kernel that smooths each channel by itself.
const KERNEL: i64 = 3;

/// The upscaler's sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpscalerConfig {
    /// How often the grid's sides are doubled.
    pub steps: u32,
}

impl Tagged for UpscalerConfig {
    const KIND: &'static str = "upscaler";
}

impl HeadConfig for UpscalerConfig {
    fn check(&self, _shape: &FeatureShape) -> Result<()> {
        ensure!(
            (1..=4).contains(&self.steps),
            "upscaler: `steps` must lie in 1 to 4, not {}",
            self.steps
        );
        Ok(())
    }

    /// The class token, which has no place on the grid, is left out.
    fn shape(&self, before: &FeatureShape) -> FeatureShape {
        FeatureShape::square(before.dim, before.side() << self.steps)
    }

    fn work(&self, shape: &FeatureShape) -> Work {
        let dim = shape.dim;
        let step = |number: u32| {
            let before = shape.side() << number;
            let cells = before * before;
            // Every cell becomes four.
            Work::map(cells, dim, 4 * dim)
                + Work::other(2.0 * (4 * cells * dim * KERNEL * KERNEL) as f64)
        };
        (0..self.steps).map(step).sum()
    }

    fn build(&self, path: &VarBuilder, shape: &FeatureShape) -> Box<dyn Head> {
        let step = |index: u32| Step::new(&(path / index), shape.dim);
        Box::new(Upscaler {
            steps: (0..self.steps).map(step).collect(),
            before: *shape,
            after: self.shape(shape),
        })
    }
}

/// The upscaler with its variables.
#[derive(Debug)]
struct Upscaler {
    steps: Vec<Step>,
    before: FeatureShape,
    after: FeatureShape,
}

impl Head for Upscaler {
    fn forward(&self, features: &Features) -> Features {
        let last = features.last();
        let (dim, side) = (self.before.dim, self.before.side());
        let map = last.patches().transpose(1, 2).reshape([-1, dim, side, side]); // [B, D, G, G]
        let map = self.steps.iter().fold(map, |map, step| step.forward(&map));
        let tokens = map.flatten(2, 3).transpose(1, 2).contiguous(); // [B, N, D]
        let level = Level { name: last.name.clone(), tokens, shape: self.after };
        features.with_last_level(level)
    }
}

/// One doubling: every cell becomes four, which are smoothed and normalised.
#[derive(Debug)]
struct Step {
    /// `[D, D, 2, 2]`.
    widening: Tensor,
    bias: Tensor,
    /// `[D, 1, 3, 3]`.
    smoothing: Tensor,
    norm: LayerNorm,
    dim: i64,
}

impl Step {
    fn new(path: &VarBuilder, dim: i64) -> Self {
        let (widening, smoothing) = (path / "conv1", path / "conv2");
        let bound = |inputs: i64| Init::Uniform(1.0 / (inputs as f64).sqrt());
        Self {
            widening: widening.parameter("weight", &[dim, dim, 2, 2], bound(4 * dim)),
            bias: widening.parameter("bias", &[dim], bound(4 * dim)),
            smoothing: smoothing.parameter(
                "weight",
                &[dim, 1, KERNEL, KERNEL],
                bound(KERNEL * KERNEL),
            ),
            norm: LayerNorm::new(&(path / "norm"), dim, 1e-6),
            dim,
        }
    }

    /// `[B, D, G, G]` to `[B, D, 2 G, 2 G]`.
    fn forward(&self, map: &Tensor) -> Tensor {
        let bias = Some(&self.bias);
        let finer = map.conv_transpose2d(&self.widening, bias, [2, 2], [0, 0], [0, 0], 1, [1, 1]);
        let padding = [KERNEL / 2; 2];
        let smooth = finer.gelu("none").conv2d(
            &self.smoothing,
            None::<Tensor>,
            [1, 1],
            padding,
            [1, 1],
            self.dim,
        );
        self.norm.forward(&smooth.permute([0, 2, 3, 1])).permute([0, 3, 1, 2])
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn every_step_doubles_the_grid_and_what_a_cell_says_stays_near() {
        let before = FeatureShape::square(8, 5).with_class_token();
        let config = UpscalerConfig { steps: 2 };
        config.check(&before).unwrap();
        let head = config.build(&VarBuilder::fresh(Device::Cpu), &before);
        let tokens = Tensor::randn([2, 26, 8], (Kind::Float, Device::Cpu));
        let upscaled =
            |tokens: &Tensor| head.forward(&Features::last_alone(tokens.shallow_clone(), before));
        let found = upscaled(&tokens);
        assert_eq!(found.last().shape, config.shape(&before));
        assert_eq!(found.last().tokens.size(), [2, 400, 8]);
        let other = tokens.copy();
        // The class token and the lower right cell.
        let _ = other.narrow(1, 0, 1).fill_(9.0);
        let _ = other.narrow(1, 25, 1).fill_(9.0);
        let differs = (upscaled(&other).last().tokens.get(0) - found.last().tokens.get(0))
            .abs()
            .sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
            .view([20, 20]);
        let upper = differs.narrow(0, 0, 13).sum(Kind::Float).double_value(&[]);
        let left = differs.narrow(1, 0, 13).sum(Kind::Float).double_value(&[]);
        assert_eq!((upper, left), (0.0, 0.0));
        assert!(differs.double_value(&[19, 19]) > 0.0);
    }
}
