//! What the network says of one pair of photos, in the photos' own pixels.

use crate::flow::{Flow, Matched};
use crate::geometry::{Point, Size};
use crate::inference::components::Components;
use crate::inference::similarity::Similarity;

/// The flow between two photos, as the network returns it, with the photos' sizes.
#[derive(Clone, Debug)]
pub(crate) struct Correspondence {
    /// Source to target.
    pub forward: Matched,
    /// Target to source, likewise; there when an output shows it, or needs a confidence that the matcher does not
    /// say itself.
    pub backward: Option<Matched>,
    /// How well each part of one photo matches each part of the other; there when an output shows it.
    pub similarity: Option<Similarity>,
    /// What the network sees in both photos; there when an output shows it.
    pub features: Option<[Components; 2]>,
    /// The source photo's size.
    pub source: Size,
    /// The target photo's size.
    pub target: Size,
}

/// What is to be known of a pair; each includes what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// Where everything lies.
    Matches,
    /// How far each match can be trusted.
    Confidence,
    /// Also where everything of the target lies in the source.
    BothWays,
    /// Also where else each point could lie.
    Everything,
    /// Also what the network sees in the photos.
    Features,
}

impl Correspondence {
    /// From target to source, if that is known.
    pub(crate) fn reversed(&self) -> Option<Self> {
        Some(Self {
            forward: self.backward.clone()?,
            backward: Some(self.forward.clone()),
            similarity: None,
            features: None,
            source: self.target,
            target: self.source,
        })
    }

    /// Where a pixel position of the source photo lies in the target photo.
    pub(crate) fn transfer(&self, pixel: Point) -> Point {
        self.forward.transfer(pixel, self.source, self.target)
    }

    /// The flow in the pixels of the photos, or as the network returns it.
    pub(crate) fn flow(&self, resolution: Resolution) -> Flow {
        match resolution {
            Resolution::Original => self.forward.flow.to_original(self.source, self.target),
            Resolution::Network => self.forward.flow.clone(),
        }
    }

    /// The grid on which [`Correspondence::flow`] lives.
    pub(crate) fn grid(&self, resolution: Resolution) -> Size {
        match resolution {
            Resolution::Original => self.source,
            Resolution::Network => self.forward.flow.size,
        }
    }
}

/// The grid and the pixels that flows and confidences are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Resolution {
    /// The source photo's pixels, pointing to the target photo's.
    Original,
    /// The network's own grid and pixels.
    Network,
}
