//! How photos are brought to the network's square.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How photos are brought to the network's square.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InputRule {
    /// Stretched to fill it; the aspect ratio is not kept.
    #[default]
    Stretch,
    /// Likewise, but every pixel is read off the photo between its four nearest pixels, whatever lies between these, and
    /// not rounded to 8 bits. As NC-Net has it.
    SampledStretch,
    /// Scaled until the longer side fills it, in the upper left corner; the rest is zero, which is black before
    /// the values are normalised.
    #[value(alias = "pad")]
    PaddedSquare,
    /// Likewise, but the rest is the mean colour of the network's normalisation, as MARCO has it.
    MeanPaddedSquare,
    /// Scaled until the longer side fills it, by a filter that keeps detail (Lanczos), in the middle; the rest is
    /// zero. As GeoAware-SC and DIY-SC have it.
    CentredSquare,
}

impl InputRule {
    /// As users choose it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
