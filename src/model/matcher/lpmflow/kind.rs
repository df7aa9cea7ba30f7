//! LPMFlow as one of the matchers.

use std::any::Any;
use std::sync::Arc;

use anyhow::Result;
use tch::Tensor;

use crate::model::cost::StageCost;
use crate::model::features::{Features, LevelShape, deepest};
use crate::model::matcher::lpmflow::config::{Ablation, LpmFlowConfig};
use crate::model::matcher::lpmflow::masking::{candidates, mask_foreground_tokens, masked};
use crate::model::matcher::lpmflow::{FLOW_PER_FEATURE, LpmFlow, cost};
use crate::model::matcher::{MaskedTokens, Masking, Matcher, MatcherConfig, Matching, TrainOutput};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

impl Tagged for LpmFlowConfig {
    const KIND: &'static str = "lpmflow";
}

impl MatcherConfig for LpmFlowConfig {
    fn check(&self, levels: &[LevelShape]) -> Result<()> {
        self.check_sizes(deepest(levels))
    }

    fn flow_side(&self, levels: &[LevelShape]) -> i64 {
        FLOW_PER_FEATURE * deepest(levels).side()
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        cost::work(self, deepest(levels))
    }

    fn objective(&self) -> Option<&'static str> {
        Some("flow")
    }

    fn has_parameters(&self) -> bool {
        true
    }

    /// Each position embedding gets its own gradient.
    fn to_train(&self, ablations: &[Ablation]) -> Result<Chosen<dyn MatcherConfig>> {
        let mut config = Self { shared_position_embeddings: false, ..self.clone() };
        for part in ablations {
            if config.has(*part) {
                config.ablations.push(*part);
            }
        }
        Ok(Chosen::of(Arc::new(config)))
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        let config =
            Self { ablations: Vec::new(), shared_position_embeddings: false, ..self.clone() };
        Chosen::of(Arc::new(config))
    }

    fn build(&self, path: &VarBuilder, levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(LpmFlow::new(path, self, deepest(levels)))
    }

    fn is_unused(&self, name: &str) -> bool {
        let segments: Vec<&str> = name.split('.').collect();
        match segments.as_slice() {
            ["masked_tokens"] => true,
            ["encoder", "cls_token" | "pos_embed"] | ["encoder", "patch_embed", ..] => true,
            ["encoder", "blocks", _, "spatial_attention", "weight"] => true,
            ["decoder_s1" | "decoder_s2" | "decoder_s3", .., "norm3" | "norm4", _] => true,
            // Computed from the window's size, not learned.
            [.., "relative_position_index"] => true,
            _ => false,
        }
    }
}

impl Matcher for LpmFlow {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        let [source, target] = [source, target].map(|features| &features.last().tokens);
        self.forward_observed(source, target, &mut |_, _| {}).into()
    }

    /// Tokens masked where their ranks are given, dropout on.
    fn forward_train<'a>(
        &'a self,
        source: &Features,
        target: &Features,
        masked_ranks: Option<&Tensor>,
        recompute: &Recompute<'a>,
    ) -> TrainOutput {
        let [source, target] = [source, target].map(|features| &features.last().tokens);
        let (source, indices) = match (&self.masking_positions, masked_ranks) {
            (Some(positions), Some(ranks)) => {
                let masked = mask_foreground_tokens(source, target, ranks);
                // Without an encoder, both the matching and the contrast use it.
                (recompute.cut(&(masked.source + positions)), Some(masked.tokens))
            }
            _ => (source.shallow_clone(), None),
        };
        let encoded = self.encode(&source, target, self.config.dropout, recompute);
        let flow = self.match_encoded(&encoded, true, recompute, &mut |_, _| {});
        let masked = indices.map(|indices| MaskedTokens { tokens: encoded.source, indices });
        TrainOutput { flow, masked }
    }

    fn masking(&self) -> Option<Masking> {
        let patches = self.shape.side() * self.shape.side();
        self.masking_positions.as_ref()?;
        Some(Masking { candidates: candidates(patches), chosen: masked(patches) })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
