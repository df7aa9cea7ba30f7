//! What is wanted of a pair of photos.

use crate::predict::correspondence::{Needs, Resolution};
use crate::predict::drawing::Drawing;
use crate::predict::keypoints::Keypoints;
use crate::predict::limits::Limits;
use crate::predict::output::{Format, Output};

/// What is wanted of a pair of photos.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The files to write.
    pub outputs: Vec<Output>,
    /// The positions to transfer.
    pub keypoints: Option<Keypoints>,
    /// The grid of flows and confidences.
    pub resolution: Resolution,
    /// Which matches count.
    pub limits: Limits,
    /// How pictures are drawn.
    pub drawing: Drawing,
}

impl Plan {
    /// What is to be known of the pair.
    pub(crate) fn needs(&self) -> Needs {
        let asked = self.keypoints.is_some() || self.limits.min_confidence.is_some();
        let least = if asked { Needs::Confidence } else { Needs::Matches };
        self.formats().map(Format::needs).fold(least, Needs::max)
    }

    /// Whether the photos themselves are needed, and not only their sizes.
    pub(crate) fn needs_photos(&self) -> bool {
        self.formats().any(Format::needs_photos)
    }

    fn formats(&self) -> impl Iterator<Item = Format> {
        self.outputs.iter().map(|output| output.format)
    }
}
