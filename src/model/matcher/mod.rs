//! Matchers: the features of two photos become a flow.
//!
//! A further matcher is one new file beside this one and one line in each list below.

pub mod lpmflow;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::backbone::{FeatureShape, Features};
use crate::nn::variables::Path;
use lpmflow::LpmFlow;
use lpmflow::config::LpmFlowConfig;

/// Which matcher, and its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum MatcherConfig {
    /// Every position matches itself: the floor that any matcher must clear.
    Identity,
    /// The paper's network.
    Lpmflow(LpmFlowConfig),
}

/// A matcher with its variables.
#[derive(Debug)]
pub enum Matcher {
    /// Zero flow.
    Identity,
    /// The paper's network.
    LpmFlow(Box<LpmFlow>),
}

impl Matcher {
    /// Builds the matcher's variables below the model's root `path`, for features of form `shape`.
    pub fn new(path: &Path, config: &MatcherConfig, shape: &FeatureShape) -> Self {
        match config {
            MatcherConfig::Identity => Self::Identity,
            MatcherConfig::Lpmflow(config) => {
                Self::LpmFlow(Box::new(LpmFlow::new(path, config, shape)))
            }
        }
    }

    /// The flow `[B, 2, H, W]` from source to target, on the source grid and in its pixels.
    pub fn forward(&self, source: &Features, target: &Features) -> Tensor {
        match self {
            Self::Identity => {
                let side = source.shape.side;
                let tokens = &source.tokens;
                Tensor::zeros([tokens.size()[0], 2, side, side], (tokens.kind(), tokens.device()))
            }
            Self::LpmFlow(matcher) => matcher.forward(source, target),
        }
    }
}
