//! Arithmetic of the LPMFlow matcher.

use crate::model::cost::{StageCost, attention, block, perceptron};
use crate::model::features::FeatureShape;
use crate::model::matcher::lpmflow::config::{Ablation, LpmFlowConfig};

/// Operations per pair of photos, part by part in the order of the forward pass.
pub(super) fn operations(config: &LpmFlowConfig, shape: &FeatureShape) -> Vec<StageCost> {
    let dim = shape.dim as f64;
    let coarse = 1.0 + (shape.side * shape.side) as f64;
    let fine = 1.0 + 4.0 * (shape.side * shape.side) as f64;
    let flow_cells = (64 * shape.side * shape.side) as f64;
    let mut stages = Vec::new();
    let mut push = |name, operations| stages.push(StageCost { name, operations });
    if config.has(Ablation::Larl) {
        push("encoder", config.encoder_depth as f64 * block(2.0 * coarse, 2.0 * coarse, dim));
    }
    push("coarse decoder", within(coarse, dim) + across(coarse, coarse, dim));
    if config.has(Ablation::Pfsr) {
        let interactive = config.has(Ablation::InteractiveSr);
        if config.has(Ablation::InternalSr) {
            let window =
                if config.has(Ablation::SrBlock) { config.upsampler_window as f64 } else { 0.0 };
            let calls = if interactive { 4.0 } else { 2.0 };
            push("token upsampler", calls * 2.0 * swin_stage(fine - 1.0, window, dim));
        }
        if interactive {
            let mixed = within(coarse, dim) + within(fine, dim);
            push("mixed decoder", mixed + across(coarse, fine, dim) + across(fine, coarse, dim));
        }
        push("fine decoder", within(fine, dim) + across(fine, fine, dim));
    }
    if config.has(Ablation::Mmfi) {
        let channels = config.feature_channels as f64;
        push("feature projection", 2.0 * (fine - 1.0) * dim * channels);
        let width = channels + 8.0;
        let windows = [
            (16.0, config.has(Ablation::Refine16)),
            (8.0, true),
            (4.0, config.has(Ablation::Refine4)),
        ];
        let swin: f64 = windows
            .into_iter()
            .filter(|(_, kept)| *kept)
            .map(|(window, _)| swin_stage(flow_cells, window, width))
            .sum();
        let residual = config.residual_channels as f64;
        push("flow refiner", swin + 2.0 * flow_cells * 9.0 * residual * (width + 2.0));
    }
    stages
}

/// The self-attention step of a decoder over both photos; the perceptron on the target's path alone.
fn within(tokens: f64, dim: f64) -> f64 {
    2.0 * attention(tokens, tokens, dim) + perceptron(tokens, dim)
}

/// The cross-attention step of a decoder: queries of the source, keys and values of the target.
fn across(source: f64, target: f64, dim: f64) -> f64 {
    let projections = 2.0 * dim * dim * (2.0 * source + 2.0 * target);
    projections + 4.0 * source * target * dim + perceptron(source, dim)
}

/// A Swin block (none for windows of side zero) and channel attention, which is called on the mean and
/// the maximum of the map.
fn swin_stage(cells: f64, window: f64, dim: f64) -> f64 {
    let transformer = if window > 0.0 { block(cells, window * window, dim) } else { 0.0 };
    transformer + 2.0 * 2.0 * 2.0 * dim * (dim / 16.0).floor()
}
