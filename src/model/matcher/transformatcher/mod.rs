//! TransforMatcher (Kim et al., "TransforMatcher: Match-to-Match Attention for Semantic Correspondence", CVPR 2022): a
//! match is a token of the correlations of many levels, and every match attends to all.

mod attention;
pub(crate) mod config;
mod kind;
mod phases;

use std::f64::consts::PI;

use tch::{Kind, Tensor};

use crate::model::features::{FeatureShape, Features, Level, LevelShape};
use crate::model::matcher::cosine::flow_to;
use crate::model::matcher::near_best::Window;
use crate::nn::layers::linear::Linear;
use crate::nn::layers::norm::LayerNorm;
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::resize::resize_matches;
use crate::nn::runtime::recompute::Recompute;
use crate::nn::unit_length::unit_length;
use attention::SummedAttention;
use config::{FINER, TransforMatcherConfig, WIDTH};
use phases::Phases;

/// How wide the Gaussian is around the best match, in cells of the flow's grid.
const SIGMA: f64 = 10.0;

/// Added to the variance by its norms.
const NORM_EPSILON: f64 = 1e-5;

/// The matcher with its variables.
#[derive(Debug)]
pub(crate) struct TransforMatcher {
    to_tokens: Linear,
    blocks: Vec<Block>,
    phases: Phases,
    to_matches: Linear,
    config: TransforMatcherConfig,
}

/// Attention and a perceptron, each behind a norm and added to what was.
#[derive(Debug)]
struct Block {
    attention_norm: LayerNorm,
    attention: SummedAttention,
    perceptron_norm: LayerNorm,
    /// To four times as many values, and back.
    perceptron: [Linear; 2],
}

impl TransforMatcher {
    /// Builds the variables below the model's root `path`.
    fn new(path: &VarBuilder, config: &TransforMatcherConfig, levels: &[LevelShape]) -> Self {
        let TransforMatcherConfig { side, dim, depth, heads, .. } = *config;
        let path = (path / "match2match").in_kind(Kind::Float);
        let block = |index: i64| Block::new(&(&path / "trans_nc" / index), dim, heads);
        // Published once for every block, though all have the same; the last one counts.
        let frequencies = |index: i64| {
            let path = &path / "trans_nc" / index / 0 / "fn" / "pos_emb";
            path.buffer("freqs", &[WIDTH / 2], Init::Line(PI, 5.0 * PI))
        };
        let frequencies: Vec<Tensor> = (0..depth).map(frequencies).collect();
        let last = frequencies[frequencies.len() - 1].shallow_clone();
        let phases = Phases::new(last, side.pow(4));
        Self {
            to_tokens: Linear::new(&(&path / "to_embedding" / 1), levels.len() as i64, dim),
            blocks: (0..depth).map(block).collect(),
            phases,
            to_matches: Linear::new(&(&path / "to_original" / 0), dim, 1),
            config: config.clone(),
        }
    }

    /// How well each source cell matches each target cell, `[B, S, T]`.
    pub(crate) fn refined<'a>(
        &'a self,
        source: &Features,
        target: &Features,
        recompute: &Recompute<'a>,
    ) -> Tensor {
        let [source, target] = [source, target].map(|features| self.described(features));
        let raw: Vec<Tensor> = source
            .iter()
            .zip(&target)
            .map(|(source, target)| source.bmm(&target.transpose(1, 2)).relu().flatten(1, 2))
            .collect();
        let tokens = recompute.cut(&Tensor::stack(&raw, -1).to_kind(Kind::Float)); // [B, S * T, L]
        let mut xs = self.to_tokens.forward(&tokens);
        for block in &self.blocks {
            xs = recompute.one(&xs, move |xs| block.forward(xs, &self.phases));
        }
        let cells = self.config.side * self.config.side;
        self.to_matches.forward(&xs).view([-1, cells, cells])
    }

    /// The same on the flow's grid.
    pub(crate) fn matches<'a>(
        &'a self,
        source: &Features,
        target: &Features,
        recompute: &Recompute<'a>,
    ) -> Tensor {
        let refined = self.refined(source, target, recompute);
        resize_matches(&refined, FINER * self.config.side)
    }

    /// Where each source cell finds itself near its best match, `[B, 2, G, G]`.
    fn flow(&self, matches: &Tensor) -> Tensor {
        let side = FINER * self.config.side;
        flow_to(&Window::Gaussian(SIGMA).expected_cells(matches, side, 1.0), side)
    }

    /// Each level on the grid of the matches, `[B, N, C]`.
    fn described(&self, features: &Features) -> Vec<Tensor> {
        let levels = self.config.levels.iter().map(|name| features.level(name));
        // Of unit length before it is brought to the grid, where it need not stay so.
        levels
            .map(|level| {
                let patches = level.patches();
                let patches = if self.config.rectified { patches.relu() } else { patches };
                let shape = FeatureShape { class_token: false, ..level.shape };
                let unit = Level { name: level.name.clone(), tokens: unit_length(&patches), shape };
                unit.on_grid(self.config.side)
            })
            .collect()
    }
}

impl Block {
    fn new(path: &VarBuilder, dim: i64, heads: i64) -> Self {
        let [attention, perceptron] = [0, 1].map(|part| path / part);
        let norm = |path: &VarBuilder| LayerNorm::new(&(path / "norm"), dim, NORM_EPSILON);
        let layer = |index: i64, inputs: i64, outputs: i64| {
            Linear::new(&(&perceptron / "fn" / index), inputs, outputs)
        };
        Self {
            attention_norm: norm(&attention),
            attention: SummedAttention::new(&(&attention / "fn"), dim, heads),
            perceptron_norm: norm(&perceptron),
            perceptron: [layer(0, dim, 4 * dim), layer(2, 4 * dim, dim)],
        }
    }

    fn forward(&self, xs: &Tensor, phases: &Phases) -> Tensor {
        let xs = self.attention.forward(&self.attention_norm.forward(xs), phases) + xs;
        let [wide, narrow] = &self.perceptron;
        narrow.forward_add(&wide.forward_gelu(&self.perceptron_norm.forward(&xs)), &xs)
    }
}
