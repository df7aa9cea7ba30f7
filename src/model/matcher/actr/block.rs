//! A block that matches: each photo's tokens attend to themselves, then the source's to the target's; the
//! attention weights are a correlation (upstream `MultiscaleBlock`).

use tch::Tensor;

use crate::model::features::FeatureShape;
use crate::nn::gate::gate;
use crate::nn::layers::attention::Attention;
use crate::nn::layers::mlp::Mlp;
use crate::nn::layers::norm::LayerNorm;
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::shape::{dims, halves};

const EPSILON: f64 = 1e-6;

/// The block with its parameters.
#[derive(Debug)]
pub(super) struct MatchingBlock {
    /// Added to the source's tokens alone, `[1, 1 + G * G, D]`.
    positions: Tensor,
    self_attention: Attention,
    cross_attention: Attention,
    norm1: LayerNorm,
    norm2: LayerNorm,
    mlp: Mlp,
    /// How much of a target token grows with what the source asks of it, `[1, 1, D]`; none in the last block, whose
    /// target tokens nobody reads.
    attention_gain: Option<Tensor>,
}

impl MatchingBlock {
    /// Builds the parameters under `path`, for tokens of the given form.
    pub(super) fn new(path: &VarBuilder, shape: &FeatureShape, heads: i64, is_last: bool) -> Self {
        let (dim, side) = (shape.dim, shape.side());
        let gain =
            || (path / "spatial_attention").parameter("weight", &[1, 1, dim], Init::Constant(1.0));
        Self {
            positions: path.parameter("pos_embed", &[1, 1 + side * side, dim], Init::Constant(0.0)),
            self_attention: Attention::new(&(path / "sattn"), dim, heads),
            cross_attention: Attention::new(&(path / "cattn"), dim, heads),
            norm1: LayerNorm::new(&(path / "norm1"), dim, EPSILON),
            norm2: LayerNorm::new(&(path / "norm2"), dim, EPSILON),
            mlp: Mlp::new(&(path / "mlp"), dim, 4),
            attention_gain: (!is_last).then(gain),
        }
    }

    /// The tokens of source and target behind the block, and their correlation.
    ///
    /// # Shapes
    /// Tokens `[B, 1 + G * G, D]`, class token first; correlation `[B, G * G, G * G]`, the attention weights summed
    /// over the heads.
    pub(super) fn forward(&self, [source, target]: [&Tensor; 2]) -> [Tensor; 3] {
        let both = Tensor::cat(&[&(source + &self.positions), target], 0); // [2 B, N, D]
        let attended = self.self_attention.self_attention(&self.norm1.forward(&both), None);
        let both = self.with_perceptron(&(both + &attended), &attended);
        let [source, target] = halves(&both);
        let [query, context] = halves(&self.norm1.forward(&both));
        let cross = self.cross_attention.cross_attention(&query, &context);
        let found = gate(&cross.output);
        let source = self.with_perceptron(&(source + &found), &found);
        let target = match &self.attention_gain {
            Some(gain) => {
                // As upstream, no gradient flows through what is asked.
                let asked = cross.weights.detach().mean_dim([1].as_slice(), false, None); // [B, N]
                &target + &target * gain * asked.sigmoid().unsqueeze(2)
            }
            None => target,
        };
        let [_, tokens, _] = dims(&cross.weights);
        let patches = tokens - 1;
        let correlation = cross.weights.narrow(1, 1, patches).narrow(2, 1, patches).contiguous();
        [source, target, correlation]
    }

    /// Parity: the perceptron reads what attention gave, not the sum that it is added to.
    fn with_perceptron(&self, sum: &Tensor, attended: &Tensor) -> Tensor {
        self.mlp.add_to(sum, &self.norm2.forward(attended), 0.0)
    }
}
