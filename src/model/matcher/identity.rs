//! Every position matches itself: the floor that any matcher must clear.

use std::any::Any;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::cost::StageCost;
use crate::model::features::{Features, LevelShape};
use crate::model::matcher::{Matcher, MatcherConfig, Matching};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

/// The matcher; it has no settings and no parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {}

impl Tagged for Identity {
    const KIND: &'static str = "identity";
}

impl MatcherConfig for Identity {
    fn work(&self, _levels: &[LevelShape]) -> Vec<StageCost> {
        Vec::new()
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, _path: &VarBuilder, _levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(self.clone())
    }
}

impl Matcher for Identity {
    fn forward(&self, source: &Features, _target: &Features) -> Matching {
        let level = source.last();
        let side = level.shape.side();
        // Shaped after the tokens, as the batch size is never read (see `Features::halves`).
        let tokens = level.patches().narrow(2, 0, 2); // [B, G * G, 2]
        tokens.transpose(1, 2).reshape([-1, 2, side, side]).zeros_like().into()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
