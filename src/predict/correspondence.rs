//! What the network says of one pair of photos, in the photos' own pixels.

use crate::flow::{Flow, Matched};
use crate::geometry::{Point, Size};

/// The flow between two photos, as the network returns it, with the photos' sizes.
#[derive(Clone, Debug)]
pub(crate) struct Correspondence {
    /// Source to target.
    pub forward: Matched,
    /// Target to source, likewise; there when an output needs a confidence that the matcher does not say itself.
    pub backward: Option<Matched>,
    /// The source photo's size.
    pub source: Size,
    /// The target photo's size.
    pub target: Size,
}

impl Correspondence {
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
