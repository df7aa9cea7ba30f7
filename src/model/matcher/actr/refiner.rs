//! Flow refiner: a flow and the source's features become a residual on the flow (upstream `refine_swin_decoder_*`).

use tch::Tensor;

use crate::model::matcher::actr::config::ActrConfig;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::layers::swin::{SwinShape, SwinStage};
use crate::nn::parameters::VarBuilder;

/// Window sides of the stages: two steps, in each of which two windows look at the same map.
pub(super) const WINDOWS: [[i64; 2]; 2] = [[8, 4], [8, 4]];

/// Two steps of Swin stages, and two convolutions.
#[derive(Debug)]
pub(super) struct FlowRefiner {
    steps: [[SwinStage; 2]; 2],
    widen: Conv2d,
    residual: Conv2d,
}

impl FlowRefiner {
    /// Builds the variables below the model's root `path`.
    pub(super) fn new(path: &VarBuilder, config: &ActrConfig) -> Self {
        let dim = config.refiner_dim();
        let stage = |size: u32, step: u32, window: i64| {
            let name = format!("refine_swin_decoder_{size}_{step}");
            SwinStage::new(&(path / name), SwinShape { dim, heads: config.heads, window })
        };
        let [first, second] = WINDOWS;
        let step = |number: u32, [large, small]: [i64; 2]| {
            [stage(2, number, large), stage(1, number, small)]
        };
        let convolutions = path / "refine2";
        let residual = config.residual_channels;
        Self {
            steps: [step(1, first), step(2, second)],
            widen: Conv2d::new(&(&convolutions / 0), ConvShape::same3(dim, residual)),
            residual: Conv2d::new(&(convolutions / 2), ConvShape::same3(residual, 2)),
        }
    }

    /// The residual flow.
    ///
    /// # Shapes
    /// `xs` `[B, C, H, W]`, result `[B, 2, H, W]`.
    pub(super) fn forward(&self, xs: &Tensor) -> Tensor {
        let mut map = xs.permute([0, 2, 3, 1]).contiguous(); // [B, H, W, C]
        for [large, small] in &self.steps {
            map = large.forward(&map) + small.forward(&map);
        }
        let map = map.permute([0, 3, 1, 2]); // [B, C, H, W]
        self.residual.forward(&self.widen.forward(&map).relu())
    }
}
