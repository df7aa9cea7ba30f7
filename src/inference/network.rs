//! What turns frames into flows.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;

use crate::flow::{Matched, Wanted};
use crate::inference::components::Components;
use crate::inference::frame::{Frame, Input};
use crate::inference::similarity::Similarity;
use crate::visible::Shown;

/// What turns frames into flows: the engine, or a known flow in tests.
pub(crate) trait FlowNetwork {
    /// How photos must be brought to it.
    fn input(&self) -> Input;

    /// Whether it says itself how likely each match is right.
    fn is_calibrated(&self) -> bool {
        false
    }

    /// Pairs that it should be given at least at a time, so that all its threads are busy.
    fn pairs_at_once(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    /// What corresponds in each of a batch of (source, target) pairs, said of the photos.
    ///
    /// # Errors
    /// When the network cannot run.
    fn matched(&mut self, pairs: &[(Frame, Frame)], wanted: Wanted) -> Result<Vec<Matched>>;

    /// How well every cell of one photo matches every cell of the other, if it can be said.
    fn similarity(&mut self, _source: &Frame, _target: &Frame) -> Option<Similarity> {
        None
    }

    /// What it sees in both photos, if it looks at features.
    fn components(&mut self, _source: &Frame, _target: &Frame) -> Option<[Components; 2]> {
        None
    }
}

/// The flow between two photos holds values that are not finite. The same weights find the same again.
#[derive(Debug)]
pub(crate) struct FlowNotFinite {
    /// The photo the flow starts in.
    pub source: PathBuf,
    /// The photo it points to.
    pub target: PathBuf,
}

impl Display for FlowNotFinite {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        write!(
            formatter,
            "matching `{}` to `{}`: the network's flow is not finite; the weights do not suit the model or \
             the precision",
            self.source.shown(),
            self.target.shown()
        )
    }
}

impl std::error::Error for FlowNotFinite {}
