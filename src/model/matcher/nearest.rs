//! Every source position takes the target position with the most similar features.

use std::any::Any;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::model::cost::StageCost;
use crate::model::features::{Features, LevelShape, deepest};
use crate::model::matcher::cosine::{self, cells, cosines, flow_to};
use crate::model::matcher::{Matcher, MatcherConfig, Matching};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

/// The matcher; it has no settings and no parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nearest {}

impl Tagged for Nearest {
    const KIND: &'static str = "nearest";
}

impl MatcherConfig for Nearest {
    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        vec![cosine::work(deepest(levels))]
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, _path: &VarBuilder, _levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(self.clone())
    }
}

impl Matcher for Nearest {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        flow(source, target).into()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The flow `[B, 2, G, G]` in cells of the source grid.
fn flow(source: &Features, target: &Features) -> Tensor {
    let best = cosines(source, target).argmax(2, false); // [B, S]
    let matches = cells(target.last().shape.side(), best.device())
        .index_select(0, &best.flatten(0, 1))
        .view([best.size()[0], -1, 2]); // [B, S, 2]
    flow_to(&matches, source.last().shape.side())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::features::FeatureShape;
    use crate::model::matcher::test_fields::{field, shifted_pair};

    #[test]
    fn a_photo_matches_itself_without_flow() {
        let features = field(1, 9);
        let flow = flow(&features, &features);
        assert_eq!(flow.size(), [1, 2, 9, 9]);
        assert_eq!(flow.abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn a_shift_is_exact_wherever_the_match_exists_and_pairs_of_a_batch_stay_apart() {
        let (source, target) = shifted_pair(2, 9, [2, 1]);
        let pair = (field(3, 9), field(4, 9));
        let together =
            flow(&Features::cat(&[&pair.0, &source]), &Features::cat(&[&pair.1, &target]));
        let inside = together.get(1).narrow(1, 0, 8).narrow(2, 0, 7);
        assert_eq!((inside.get(0) - 2.0).abs().max().double_value(&[]), 0.0);
        assert_eq!((inside.get(1) - 1.0).abs().max().double_value(&[]), 0.0);
        assert_eq!(together.get(0), flow(&pair.0, &pair.1).get(0));
    }

    #[test]
    fn class_tokens_and_lengths_of_vectors_do_not_matter() {
        let (source, target) = shifted_pair(5, 9, [1, 1]);
        let tokens = &source.last().tokens;
        let class = tokens.narrow(1, 40, 1) * 9.0;
        let shape = FeatureShape { class_token: true, ..source.last().shape };
        let with_class = Features::last_alone(Tensor::cat(&[class, tokens * 3.0], 1), shape);
        assert_eq!(flow(&with_class, &target), flow(&source, &target));
    }
}
