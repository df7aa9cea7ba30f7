//! What turns frames into flows.

use anyhow::Result;

use crate::flow::Matched;
use crate::inference::frame::{Frame, Input};

/// What turns frames into flows: the engine, or a known flow in tests.
pub(crate) trait FlowNetwork {
    /// How photos must be brought to it.
    fn input(&self) -> Input;

    /// What corresponds in each of a batch of (source, target) pairs, said of the photos.
    ///
    /// # Errors
    /// When the network cannot run.
    fn matched(&mut self, pairs: &[(Frame, Frame)]) -> Result<Vec<Matched>>;
}
