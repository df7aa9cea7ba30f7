//! Matching decoder: each photo's tokens attend to themselves, then the source's to the target's; the
//! attention weights are the correlation (upstream `MultiscaleDecoder`).

use tch::Tensor;

use crate::model::features::FeatureShape;
use crate::model::matcher::lpmflow::config::LpmFlowConfig;
use crate::nn::gate::gate;
use crate::nn::layers::attention::Attention;
use crate::nn::layers::mlp::Mlp;
use crate::nn::layers::norm::LayerNorm;
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::runtime::dropout::drop;
use crate::nn::runtime::recompute::Recompute;
use crate::nn::shape::{dims, halves};

const EPSILON: f64 = 1e-6;

/// The decoder with its parameters. One decoder serves both grids.
#[derive(Debug)]
pub(super) struct MatchingDecoder {
    coarse_positions: [Tensor; 2],
    fine_positions: [Tensor; 2],
    self_attention: Attention,
    cross_attention: Attention,
    norm1: LayerNorm,
    norm2: LayerNorm,
    mlp: Mlp,
}

/// The tokens of two photos on grids of their own.
#[derive(Debug)]
pub(super) struct TokenPair {
    /// `[B, 1 + S, D]`.
    pub source: Tensor,
    /// `[B, 1 + T, D]`.
    pub target: Tensor,
}

/// What looking from the source into the target yields.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Attention weights summed over the heads, class tokens left out: `[B, S, T]`.
    pub correlation: Tensor,
    /// The source's tokens with what they found, `[B, 1 + S, D]`.
    pub source: Tensor,
}

impl MatchingDecoder {
    /// Builds the parameters under `path`, for coarse tokens of the given shape.
    pub(super) fn new(path: &VarBuilder, config: &LpmFlowConfig, shape: &FeatureShape) -> Self {
        let path = path / "last_block" / 0;
        let (dim, side) = (shape.dim, shape.side());
        let [coarse, fine] = [1, 2].map(|factor| 1 + factor * factor * side * side);
        let positions = |name, tokens| path.parameter(name, &[1, tokens, dim], Init::Constant(0.0));
        Self {
            coarse_positions: [
                positions("pos_embed_src", coarse),
                positions("pos_embed_trg", coarse),
            ],
            fine_positions: [
                positions("pos_embed_src_up", fine),
                positions("pos_embed_trg_up", fine),
            ],
            self_attention: Attention::new(&(&path / "sattn"), dim, config.heads),
            cross_attention: Attention::new(&(&path / "cattn"), dim, config.heads),
            norm1: LayerNorm::new(&(&path / "norm1"), dim, EPSILON),
            norm2: LayerNorm::new(&(&path / "norm2"), dim, EPSILON),
            mlp: Mlp::new(&(&path / "mlp"), dim, 4),
        }
    }

    /// Each photo's tokens attend to themselves; both photos on the same grid, in one batch.
    pub(super) fn attend_within<'a>(
        &'a self,
        tokens: &TokenPair,
        dropout: f64,
        recompute: &Recompute<'a>,
    ) -> TokenPair {
        let [source, target] = recompute
            .run([&tokens.source, &tokens.target], move |[s, t]| self.within(s, t, dropout));
        TokenPair { source, target }
    }

    /// The source's tokens look into the target's; the grids may differ.
    pub(super) fn attend_across<'a>(
        &'a self,
        source: &Tensor,
        target: &Tensor,
        dropout: f64,
        recompute: &Recompute<'a>,
    ) -> Decoded {
        let [correlation, source] =
            recompute.run([source, target], move |[s, t]| self.across(s, t, dropout));
        Decoded { correlation, source }
    }

    fn within(&self, source: &Tensor, target: &Tensor, dropout: f64) -> [Tensor; 2] {
        let is_fine = source.size()[1] == self.fine_positions[0].size()[1];
        let positions = if is_fine { &self.fine_positions } else { &self.coarse_positions };
        let both = Tensor::cat(&[source + &positions[0], target + &positions[1]], 0); // [2B, N, D]
        let attended = self.self_attention.self_attention(&self.norm1.forward(&both), None);
        let both = both + gate(&drop(attended, dropout));
        let [source, target] = halves(&both);
        let [source_normalised, target_normalised] = halves(&self.norm2.forward(&both));
        // Parity: upstream leaves the perceptron out on the source's path, and only there.
        let source = source + source_normalised;
        [source, self.mlp.add_to(&target, &target_normalised, dropout)]
    }

    /// The correlation, and the source's tokens.
    fn across(&self, source: &Tensor, target: &Tensor, dropout: f64) -> [Tensor; 2] {
        let cross = self
            .cross_attention
            .cross_attention(&self.norm1.forward(source), &self.norm1.forward(target));
        let source = source + gate(&drop(cross.output, dropout));
        let refined = self.mlp.add_to(&source, &self.norm2.forward(&source), dropout);
        let [_, sources, targets] = dims(&cross.weights);
        let correlation = cross.weights.narrow(1, 1, sources - 1).narrow(2, 1, targets - 1);
        [correlation.contiguous(), refined] // [B, S, T], [B, 1 + S, D]
    }
}
