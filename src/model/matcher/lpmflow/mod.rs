//! The LPMFlow matcher (Sun et al., CVPR 2024): layout-aware encoding of both photos together,
//! progressive feature super-resolution, and integration of matching flows of several scales.

pub(crate) mod config;
mod cost;
mod decoder;
mod encoder;
pub(crate) mod kind;
pub(crate) mod masking;
mod refiner;
mod upsampler;

use tch::Tensor;

use crate::model::features::FeatureShape;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::layers::linear::INITIAL_STD;
use crate::nn::layers::soft_argmax::SoftArgmax;
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::resize::{Corners, resize_bilinear, resize_nearest};
use crate::nn::runtime::dropout::drop_channels;
use crate::nn::runtime::recompute::Recompute;
use crate::nn::shape::{dims, halves};
use config::{Ablation, LpmFlowConfig};
use decoder::{Decoded, MatchingDecoder, TokenPair};
use encoder::CrossImageEncoder;
use refiner::FlowRefiner;
use upsampler::{TokenUpsampler, upsample_tokens};

/// The flow has this many times the side of the fine grid.
const FLOW_PER_FINE: i64 = 4;

/// Cells of the flow per cell of the feature grid; the fine grid has two.
pub(crate) const FLOW_PER_FEATURE: i64 = 2 * FLOW_PER_FINE;

/// The matcher with its variables; parts that an ablation leaves out have none.
#[derive(Debug)]
pub(crate) struct LpmFlow {
    encoder: Option<CrossImageEncoder>,
    coarse_decoder: MatchingDecoder,
    super_resolution: Option<SuperResolution>,
    soft_argmax: SoftArgmax,
    integration: Option<Integration>,
    /// Added to the source tokens in training, where some of them are masked; `[1, N, D]`.
    masking_positions: Option<Tensor>,
    config: LpmFlowConfig,
    shape: FeatureShape,
}

/// Progressive feature super-resolution.
#[derive(Debug)]
struct SuperResolution {
    upsampler: TokenUpsampler,
    /// Absent without interaction of scales.
    mixed_decoder: Option<MatchingDecoder>,
    fine_decoder: MatchingDecoder,
}

/// Multi-scale matching flow integration.
#[derive(Debug)]
struct Integration {
    project: Conv2d,
    refiner: FlowRefiner,
}

/// Correlations of all pairs of scales (source scale first), and the fine source tokens.
#[derive(Debug)]
struct Correlations {
    coarse_coarse: Tensor,
    coarse_fine: Tensor,
    fine_coarse: Tensor,
    fine_fine: Tensor,
    /// `[B, 1 + F * F, D]`.
    fine_source: Tensor,
}

impl LpmFlow {
    /// Builds the variables below the model's root `path`, for features of the given shape.
    pub(crate) fn new(path: &VarBuilder, config: &LpmFlowConfig, shape: &FeatureShape) -> Self {
        let decoder = |name| MatchingDecoder::new(&(path / name), config, shape);
        let super_resolution = config.has(Ablation::Pfsr).then(|| SuperResolution {
            upsampler: TokenUpsampler::new(&(path / "SRBranch_feat"), config, shape),
            mixed_decoder: config.has(Ablation::InteractiveSr).then(|| decoder("decoder_s2")),
            fine_decoder: decoder("decoder_s3"),
        });
        let integration = config.has(Ablation::Mmfi).then(|| Integration {
            project: Conv2d::new(
                &(path / "refine_proj_query_feat" / 0),
                ConvShape::pointwise(shape.dim, config.feature_channels),
            ),
            refiner: FlowRefiner::new(&(path / "SRBranches"), config),
        });
        Self {
            encoder: config
                .has(Ablation::Larl)
                .then(|| CrossImageEncoder::new(&(path / "encoder"), config, shape)),
            coarse_decoder: decoder("decoder_s1"),
            super_resolution,
            soft_argmax: SoftArgmax::new(path, 2 * shape.side()),
            integration,
            masking_positions: config.has(Ablation::ContrastiveLoss).then(|| {
                let tokens = 1 + shape.side() * shape.side();
                path.parameter(
                    "pos_embed_src",
                    &[1, tokens, shape.dim],
                    Init::TruncatedNormal(INITIAL_STD),
                )
            }),
            config: config.clone(),
            shape: *shape,
        }
    }

    /// The flow `[B, 2, 4 * F, 4 * F]` from source to target, in its own pixels. Every stage's result is shown
    /// to `observe` under the name that the reference numbers use.
    pub(crate) fn forward_observed(
        &self,
        source: &Tensor,
        target: &Tensor,
        observe: &mut dyn FnMut(&str, &Tensor),
    ) -> Tensor {
        let recompute = Recompute::plain();
        let encoded = self.encode(source, target, 0.0, &recompute);
        observe("encoder", &Tensor::cat(&[&encoded.source, &encoded.target], 1));
        self.match_encoded(&encoded, false, &recompute, observe)
    }

    /// Tokens of both photos, aware of each other.
    fn encode<'a>(
        &'a self,
        source: &Tensor,
        target: &Tensor,
        dropout: f64,
        recompute: &Recompute<'a>,
    ) -> TokenPair {
        let Some(encoder) = &self.encoder else {
            return TokenPair { source: source.shallow_clone(), target: target.shallow_clone() };
        };
        let tokens = source.size()[1];
        let both = encoder.forward(source, target, dropout, recompute); // [B, 2N, D]
        TokenPair { source: both.narrow(1, 0, tokens), target: both.narrow(1, tokens, tokens) }
    }

    /// Encoded tokens to flow.
    fn match_encoded<'a>(
        &'a self,
        tokens: &TokenPair,
        train: bool,
        recompute: &Recompute<'a>,
        observe: &mut dyn FnMut(&str, &Tensor),
    ) -> Tensor {
        let dropout = if train { self.config.dropout } else { 0.0 };
        let correlations = self.correlate(tokens, dropout, recompute, observe);
        let soft_argmax = |correlation: &Tensor| {
            recompute.one(correlation, |correlation| self.soft_argmax.flow(correlation))
        };
        let fine_flow = soft_argmax(&correlations.fine_fine);
        observe("flow_22", &fine_flow);
        let finest = enlarge(&fine_flow);
        let Some(integration) = &self.integration else { return finest };

        let mut flow_at_fine = |name: &str, correlation: &Tensor| {
            let flow = soft_argmax(correlation);
            observe(name, &flow);
            enlarge(&flow)
        };
        let [flow_11, flow_12, flow_21] = if self.config.has(Ablation::MultiScale) {
            [
                flow_at_fine("flow_11", &correlations.coarse_coarse),
                flow_at_fine("flow_12", &correlations.coarse_fine),
                flow_at_fine("flow_21", &correlations.fine_coarse),
            ]
        } else {
            [(); 3].map(|()| finest.shallow_clone())
        };
        let [_, _, height, width] = dims(&finest);
        let side = 2 * self.shape.side();
        let patches = correlations.fine_source.narrow(1, 1, side * side); // [B, F * F, D]
        let map = patches.transpose(1, 2).reshape([-1, self.shape.dim, side, side]); // [B, D, F, F]
        let features = integration.project.forward(&map).relu();
        observe("query_proj.0", &features);
        let features = resize_bilinear(&features, [height, width], Corners::Aligned);
        let features =
            if train { drop_channels(features, self.config.feature_dropout) } else { features };
        let stacked = Tensor::cat(&[&flow_11, &features, &flow_12, &flow_21, &finest], 1); // [B, C, 4F, 4F]
        let stacked = stacked.to_kind(features.kind());
        let residual =
            integration.refiner.forward(&stacked, recompute, observe).to_kind(finest.kind());
        observe("flow_residual.0", &residual);
        finest + residual
    }

    /// Correlations of all scales.
    fn correlate<'a>(
        &'a self,
        tokens: &TokenPair,
        dropout: f64,
        recompute: &Recompute<'a>,
        observe: &mut dyn FnMut(&str, &Tensor),
    ) -> Correlations {
        let within = self.coarse_decoder.attend_within(tokens, dropout, recompute);
        let coarse =
            self.coarse_decoder.attend_across(&within.source, &within.target, dropout, recompute);
        observe_decoded("decoder_s1.0", &coarse, &within.target, observe);
        let Some(super_resolution) = &self.super_resolution else {
            // The coarse correlation stands in for all scales; the soft-argmax resizes it.
            let same = || coarse.correlation.shallow_clone();
            return Correlations {
                coarse_coarse: same(),
                coarse_fine: same(),
                fine_coarse: same(),
                fine_fine: same(),
                fine_source: upsample_tokens(&coarse.source, self.shape.side()),
            };
        };
        let coarse_tokens = TokenPair { source: coarse.source, target: within.target };
        let fine_tokens = super_resolution.upsample(&coarse_tokens, recompute);
        observe("upsample.0", &fine_tokens.source);
        observe("upsample.1", &fine_tokens.target);

        let (coarse_fine, fine_coarse, fine_tokens) = match &super_resolution.mixed_decoder {
            Some(decoder) => {
                let coarse = decoder.attend_within(&coarse_tokens, dropout, recompute);
                let fine = decoder.attend_within(&fine_tokens, dropout, recompute);
                let coarse_fine =
                    decoder.attend_across(&coarse.source, &fine.target, dropout, recompute);
                observe_decoded("decoder_s2.0", &coarse_fine, &fine.target, observe);
                let fine_coarse =
                    decoder.attend_across(&fine.source, &coarse.target, dropout, recompute);
                observe_decoded("decoder_s2.1", &fine_coarse, &coarse.target, observe);
                let decoded = TokenPair { source: coarse_fine.source, target: coarse.target };
                let upsampled = super_resolution.upsample(&decoded, recompute);
                observe("upsample.2", &upsampled.source);
                observe("upsample.3", &upsampled.target);
                let fine = TokenPair {
                    source: upsampled.source + fine_coarse.source,
                    target: fine.target + upsampled.target,
                };
                (coarse_fine.correlation, fine_coarse.correlation, fine)
            }
            None => (
                coarse.correlation.shallow_clone(),
                coarse.correlation.shallow_clone(),
                fine_tokens,
            ),
        };

        let decoder = &super_resolution.fine_decoder;
        let within = decoder.attend_within(&fine_tokens, dropout, recompute);
        let fine = decoder.attend_across(&within.source, &within.target, dropout, recompute);
        observe_decoded("decoder_s3.0", &fine, &within.target, observe);
        Correlations {
            coarse_coarse: coarse.correlation,
            coarse_fine,
            fine_coarse,
            fine_fine: fine.correlation,
            fine_source: fine.source,
        }
    }
}

impl SuperResolution {
    /// Both photos' tokens on the fine grid, in one batch.
    fn upsample<'a>(&'a self, tokens: &TokenPair, recompute: &Recompute<'a>) -> TokenPair {
        let both = Tensor::cat(&[&tokens.source, &tokens.target], 0);
        let both = self.upsampler.forward(&both, recompute); // [2B, 1 + F * F, D]
        let [source, target] = halves(&both);
        TokenPair { source, target }
    }
}

/// A flow on the fine grid, on the flow's own grid and in its pixels.
fn enlarge(flow: &Tensor) -> Tensor {
    let [_, _, height, width] = dims(flow);
    resize_nearest(flow, [FLOW_PER_FINE * height, FLOW_PER_FINE * width]) * FLOW_PER_FINE
}

fn observe_decoded(
    name: &str,
    decoded: &Decoded,
    target: &Tensor,
    observe: &mut dyn FnMut(&str, &Tensor),
) {
    observe(&format!("{name}.corr"), &decoded.correlation);
    observe(&format!("{name}.src"), &decoded.source);
    observe(&format!("{name}.trg"), target);
}
