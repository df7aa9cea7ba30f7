//! How photos are brought to the network's square.

use serde::{Deserialize, Serialize};

/// How photos are brought to the network's square.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InputRule {
    /// Stretched to fill it; the aspect ratio is not kept.
    #[default]
    Stretch,
    /// Scaled until the longer side fills it, in the upper left corner; the rest is zero, which is black before
    /// the values are normalised.
    PaddedSquare,
    /// Scaled until the longer side fills it, by a filter that keeps detail (Lanczos), in the middle; the rest is
    /// zero. As GeoAware-SC and DIY-SC have it.
    CentredSquare,
}

impl InputRule {
    /// Whether a configuration need not name it.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
