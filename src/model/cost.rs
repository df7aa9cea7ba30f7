//! Arithmetic a model needs, counted from its configuration.
//!
//! Counted are the matrix products and convolutions, a multiplication with its addition as two
//! operations; element-wise work is left out. For the paper's configuration the sum agrees with what
//! was measured on the reference, less the projections that the reference computes and does not use.

use super::backbone::vit::VitConfig;
use super::backbone::{BackboneConfig, FeatureShape};
use super::config::ModelConfig;
use super::matcher::MatcherConfig;
use super::matcher::consensus::ConsensusConfig;
use super::matcher::lpmflow::config::{Ablation, LpmFlowConfig};

/// Operations of one part of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct StageCost {
    /// The part.
    pub name: &'static str,
    /// Floating-point operations per pair of photos.
    pub operations: f64,
}

/// Operations per pair of photos, part by part in the order of the forward pass; both photos pass the
/// backbone.
pub fn count(config: &ModelConfig) -> Vec<StageCost> {
    let shape = config.backbone.shape();
    let backbone = match &config.backbone {
        BackboneConfig::Vit(vit) => vision_transformer(vit),
        BackboneConfig::EfficientNetLite0(network) => 2.0 * network.multiply_adds(),
    };
    let mut stages = vec![StageCost { name: "backbone", operations: 2.0 * backbone }];
    if let Some(adapter) = &config.adapter {
        let operations = 2.0 * 2.0 * adapter.multiply_adds(&shape);
        stages.push(StageCost { name: "adapter", operations });
    }
    match &config.matcher {
        MatcherConfig::Identity => {}
        MatcherConfig::Nearest => stages.push(cosines(&shape)),
        MatcherConfig::Consensus(consensus) => {
            stages.extend([cosines(&shape), agreement(consensus, &shape)]);
        }
        MatcherConfig::Lpmflow(matcher) => stages.extend(lpmflow(matcher, &shape)),
    }
    stages
}

/// A transformer block over `tokens` that attend in groups of `group`: four projections of width `dim`
/// and a perceptron four times as wide, and the products of attention.
fn block(tokens: f64, group: f64, dim: f64) -> f64 {
    attention(tokens, group, dim) + perceptron(tokens, dim)
}

fn attention(tokens: f64, group: f64, dim: f64) -> f64 {
    2.0 * tokens * 4.0 * dim * dim + 4.0 * tokens * group * dim
}

fn perceptron(tokens: f64, dim: f64) -> f64 {
    2.0 * tokens * 8.0 * dim * dim
}

/// Per photo.
fn vision_transformer(config: &VitConfig) -> f64 {
    let [patch, dim, depth] = [config.patch, config.dim, config.depth].map(|size| size as f64);
    let patches = (config.shape().side * config.shape().side) as f64;
    let embedding = 2.0 * patches * 3.0 * patch * patch * dim;
    embedding + depth * block(patches + 1.0, patches + 1.0, dim)
}

fn cosines(shape: &FeatureShape) -> StageCost {
    let cells = (shape.side * shape.side) as f64;
    StageCost { name: "cosines", operations: 2.0 * cells * cells * shape.dim as f64 }
}

fn agreement(config: &ConsensusConfig, shape: &FeatureShape) -> StageCost {
    let reach = config.radius_squared.isqrt();
    // Rows of the disc are shared: one shifted sum per step along x and along y, in both directions.
    let shifted_sums = 4.0 * reach as f64;
    let cells = (shape.side * shape.side) as f64;
    let operations = config.iterations as f64 * 2.0 * shifted_sums * cells * cells;
    StageCost { name: "agreement", operations }
}

fn lpmflow(config: &LpmFlowConfig, shape: &FeatureShape) -> Vec<StageCost> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn billions(stages: &[StageCost], name: &str) -> f64 {
        let named = stages.iter().filter(|stage| stage.name == name);
        named.map(|stage| stage.operations).sum::<f64>() / 1e9
    }

    #[test]
    fn base_agrees_with_the_measured_reference_less_its_unused_projections() {
        let stages = count(&ModelConfig::base());
        // The reference projects queries, keys and values of both sides in every cross attention and
        // uses half of the six.
        let unused = |source: f64, target: f64| 2.0 * 768.0 * 768.0 * (2.0 * source + target) / 1e9;
        let measured = [
            ("backbone", 92.8, 0.0),
            ("encoder", 48.5, 0.0),
            ("coarse decoder", 10.0, unused(257.0, 257.0)),
            ("mixed decoder", 55.4, unused(257.0, 1025.0) + unused(1025.0, 257.0)),
            ("fine decoder", 47.2, unused(1025.0, 1025.0)),
            ("token upsampler", 116.4, 0.0),
            ("flow refiner", 13.9, 0.0),
        ];
        for (name, reference, unused) in measured {
            let found = billions(&stages, name);
            assert!(
                (found + unused - reference).abs() < 0.06,
                "{name}: {found} + {unused} is not {reference}"
            );
        }
        let total: f64 = stages.iter().map(|stage| stage.operations).sum();
        let all_unused: f64 = measured.iter().map(|(_, _, unused)| unused).sum();
        assert!((total / 1e9 + all_unused - 384.3).abs() < 0.1);
    }

    #[test]
    fn an_ablation_costs_what_is_left() {
        let mut config = ModelConfig::base();
        let MatcherConfig::Lpmflow(matcher) = &mut config.matcher else {
            panic!("base is LPMFlow")
        };
        matcher.ablations = vec![Ablation::Pfsr, Ablation::Mmfi];
        let names: Vec<&str> = count(&config).iter().map(|stage| stage.name).collect();
        assert_eq!(names, ["backbone", "encoder", "coarse decoder"]);
    }
}
