//! Matchers: the features of two photos become a flow.
//!
//! A further matcher is one new file beside this one and one line in each list below.

pub mod consensus;
pub mod cosine;
pub mod lpmflow;
pub mod nearest;
#[cfg(test)]
pub(crate) mod test_fields;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::backbone::{FeatureShape, Features};
use crate::nn::variables::Path;
use consensus::{Consensus, ConsensusConfig};
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
    /// The most similar position, each for itself: the usual zero-shot baseline.
    Nearest,
    /// Positions agree with their neighbours, without training.
    Consensus(ConsensusConfig),
}

impl MatcherConfig {
    /// Whether the matcher can work on features of form `shape`.
    ///
    /// # Errors
    /// When a size or constant makes no sense or does not fit the features.
    pub fn check(&self, shape: &FeatureShape) -> Result<()> {
        match self {
            Self::Identity | Self::Nearest => Ok(()),
            Self::Consensus(config) => config.check(),
            Self::Lpmflow(config) => config.check(shape),
        }
    }
}

/// A matcher with its variables.
#[derive(Debug)]
pub enum Matcher {
    /// Zero flow.
    Identity,
    /// The paper's network.
    LpmFlow(Box<LpmFlow>),
    /// Most similar position.
    Nearest,
    /// Iterated neighbourhood consensus.
    Consensus(Consensus),
}

impl Matcher {
    /// Builds the matcher's variables below the model's root `path`, for features of form `shape`.
    pub fn new(path: &Path, config: &MatcherConfig, shape: &FeatureShape) -> Self {
        match config {
            MatcherConfig::Identity => Self::Identity,
            MatcherConfig::Lpmflow(config) => {
                Self::LpmFlow(Box::new(LpmFlow::new(path, config, shape)))
            }
            MatcherConfig::Nearest => Self::Nearest,
            MatcherConfig::Consensus(config) => Self::Consensus(Consensus::new(config)),
        }
    }

    /// Rows and columns of the flow that features of form `shape` give.
    pub fn flow_side(&self, shape: &FeatureShape) -> i64 {
        match self {
            Self::LpmFlow(_) => lpmflow::FLOW_PER_FEATURE * shape.side,
            Self::Identity | Self::Nearest | Self::Consensus(_) => shape.side,
        }
    }

    /// The flow `[B, 2, H, W]` from source to target, on the source grid and in its pixels.
    pub fn forward(&self, source: &Features, target: &Features) -> Tensor {
        match self {
            Self::Identity => {
                let side = source.shape.side;
                // Shaped after the tokens, as the batch size is never read (see `split_photos`).
                let tokens = source.patches().narrow(2, 0, 2); // [B, G * G, 2]
                tokens.transpose(1, 2).reshape([-1, 2, side, side]).zeros_like()
            }
            Self::LpmFlow(matcher) => matcher.forward(source, target),
            Self::Nearest => nearest::flow(source, target),
            Self::Consensus(consensus) => consensus.flow(source, target),
        }
    }
}
