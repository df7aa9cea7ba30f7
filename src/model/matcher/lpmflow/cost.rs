//! Arithmetic of the LPMFlow matcher.

use crate::model::cost::{StageCost, Work, attended, attention, block, perceptron};
use crate::model::features::FeatureShape;
use crate::model::matcher::lpmflow::config::{Ablation, LpmFlowConfig};

/// The arithmetic of a pair of photos, part by part in the order of the forward pass.
pub(super) fn work(config: &LpmFlowConfig, shape: &FeatureShape) -> Vec<StageCost> {
    let (dim, heads) = (shape.dim, config.heads);
    let tokens = Tokens { dim, heads };
    let coarse = 1 + shape.side() * shape.side();
    let fine = 1 + 4 * shape.side() * shape.side();
    let flow_cells = 64 * shape.side() * shape.side();
    let mut stages = Vec::new();
    let mut push = |name, work| stages.push(StageCost { name, work });
    if config.has(Ablation::Larl) {
        push("encoder", block(2 * coarse, 2 * coarse, dim, heads).repeated(config.encoder_depth));
    }
    push("coarse decoder", tokens.within(coarse) + tokens.across(coarse, coarse));
    if config.has(Ablation::Pfsr) {
        let interactive = config.has(Ablation::InteractiveSr);
        if config.has(Ablation::InternalSr) {
            let window = config.has(Ablation::SrBlock).then_some(config.upsampler_window);
            let calls = if interactive { 4 } else { 2 };
            push("token upsampler", tokens.swin_stage(fine - 1, window).at_once(2).repeated(calls));
        }
        if interactive {
            let within = tokens.within(coarse) + tokens.within(fine);
            let across = tokens.across(coarse, fine) + tokens.across(fine, coarse);
            push("mixed decoder", within + across);
        }
        push("fine decoder", tokens.within(fine) + tokens.across(fine, fine));
    }
    if config.has(Ablation::Mmfi) {
        let channels = config.feature_channels;
        push("feature projection", Work::map(fine - 1, dim, channels));
        let width = channels + 8;
        let cells = Tokens { dim: width, heads };
        let windows =
            [(16, config.has(Ablation::Refine16)), (8, true), (4, config.has(Ablation::Refine4))];
        let kept = windows.into_iter().filter(|(_, kept)| *kept);
        let swin: Work = kept.map(|(window, _)| cells.swin_stage(flow_cells, Some(window))).sum();
        let residual = config.residual_channels;
        let convolutions =
            Work::map(flow_cells, 9 * width, residual) + Work::map(flow_cells, 9 * residual, 2);
        push("flow refiner", swin + convolutions);
    }
    stages
}

/// Vectors of so many values that attend in so many heads.
#[derive(Clone, Copy)]
struct Tokens {
    dim: i64,
    heads: i64,
}

impl Tokens {
    /// The self-attention step of a decoder over both photos; the perceptron on the target's path alone.
    fn within(self, tokens: i64) -> Work {
        attention(tokens, tokens, self.dim, self.heads).at_once(2)
            + perceptron(tokens, self.dim, 4 * self.dim)
    }

    /// The cross-attention step of a decoder: queries of the source, keys and values of the target.
    fn across(self, source: i64, target: i64) -> Work {
        let Self { dim, heads } = self;
        Work::map(source, dim, dim)
            + Work::map(target, dim, 2 * dim)
            + attended(heads, [source, target], dim / heads)
            + Work::map(source, dim, dim)
            + perceptron(source, dim, 4 * dim)
    }

    /// A Swin block, if there are windows, and channel attention, which is called on the mean and the maximum of the
    /// map.
    fn swin_stage(self, cells: i64, window: Option<i64>) -> Work {
        let transformer = window.map(|side| block(cells, side * side, self.dim, self.heads));
        transformer.unwrap_or_default() + perceptron(2, self.dim, self.dim / 16)
    }
}
