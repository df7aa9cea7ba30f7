//! Flow refiner: the flows of all scales and the source's features become a residual on the finest
//! flow (multi-scale matching flow integration, paper section 3.4; upstream `SRBranch`).

use tch::Tensor;

use crate::model::matcher::lpmflow::config::{Ablation, LpmFlowConfig};
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::layers::swin::{SwinShape, SwinStage};
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

/// Window sides of the stages, coarse to fine, with the switch that leaves a stage out.
const STAGES: [(i64, Option<Ablation>); 3] =
    [(16, Some(Ablation::Refine16)), (8, None), (4, Some(Ablation::Refine4))];

/// Swin stages from coarse to fine windows, their sum, and two convolutions.
#[derive(Debug)]
pub(super) struct FlowRefiner {
    stages: Vec<(i64, SwinStage)>,
    widen: Conv2d,
    residual: Conv2d,
}

impl FlowRefiner {
    /// Builds the variables under `path`.
    pub(super) fn new(path: &VarBuilder, config: &LpmFlowConfig) -> Self {
        let dim = config.feature_channels + 8;
        let kept =
            STAGES.into_iter().filter(|(_, switch)| switch.is_none_or(|part| config.has(part)));
        let stages = kept
            .map(|(window, _)| {
                let shape = SwinShape { dim, heads: config.heads, window };
                (window, SwinStage::new(&(path / format!("refine_swin_decoder_{window}")), shape))
            })
            .collect();
        let path = path / "refine2";
        Self {
            stages,
            widen: Conv2d::new(&(&path / 0), ConvShape::same3(dim, config.residual_channels)),
            residual: Conv2d::new(&(&path / 2), ConvShape::same3(config.residual_channels, 2)),
        }
    }

    /// The residual flow.
    ///
    /// # Shapes
    /// `xs` `[B, C, H, W]`, result `[B, 2, H, W]`. `observe` sees each stage's output as
    /// `[B, C, H, W]`.
    pub(super) fn forward<'a>(
        &'a self,
        xs: &Tensor,
        recompute: &Recompute<'a>,
        observe: &mut dyn FnMut(&str, &Tensor),
    ) -> Tensor {
        let mut map = xs.permute([0, 2, 3, 1]).contiguous(); // [B, H, W, C]
        let mut sum: Option<Tensor> = None;
        for (window, stage) in &self.stages {
            map = recompute.one(&map, |map| stage.forward(map));
            observe(&format!("refine_{window}.0"), &map.permute([0, 3, 1, 2]));
            sum = Some(match sum {
                Some(sum) => sum + &map,
                None => map.shallow_clone(),
            });
        }
        let sum = sum.unwrap_or(map).permute([0, 3, 1, 2]); // [B, C, H, W]
        self.residual.forward(&self.widen.forward(&sum).relu())
    }
}
