//! How photos are brought to the network's frame, which mostly is a square.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How photos are brought to the network's frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InputRule {
    /// Stretched to fill a square; the aspect ratio is not kept.
    #[default]
    Stretch,
    /// Likewise, but every pixel is read off the photo between its four nearest pixels, whatever lies between these, and
    /// not rounded to 8 bits. As NC-Net has it.
    SampledStretch,
    /// Likewise, to a frame that is wider than high, 10 to 7. As MMNet has it.
    SampledWide,
    /// Scaled until the longer side has so many pixels, read off likewise: the frame is the photo itself. As SCOT has
    /// it.
    SampledOwn,
    /// Scaled until the longer side fills a square, in the upper left corner; the rest is zero, which is black before
    /// the values are normalised.
    #[value(alias = "pad")]
    PaddedSquare,
    /// Likewise, but the rest is the mean colour of the network's normalisation, as MARCO has it.
    MeanPaddedSquare,
    /// Scaled until the longer side fills a square, by a filter that keeps detail (Lanczos), in the middle; the rest is
    /// zero. As GeoAware-SC and DIY-SC have it.
    CentredSquare,
}

/// The form of a frame whose longer side is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ImageShape {
    /// As high as wide.
    #[default]
    Square,
    /// Seven tenths as high as wide.
    Wide,
    /// As the photo is.
    Own,
}

impl InputRule {
    /// As users choose it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The form of the frame.
    pub(crate) const fn shape(self) -> ImageShape {
        match self {
            Self::Stretch
            | Self::SampledStretch
            | Self::PaddedSquare
            | Self::MeanPaddedSquare
            | Self::CentredSquare => ImageShape::Square,
            Self::SampledWide => ImageShape::Wide,
            Self::SampledOwn => ImageShape::Own,
        }
    }
}

impl ImageShape {
    /// Rows of a frame with so many columns; of one whose form the photo gives, those of the usual photo, 4 to 3.
    pub(crate) const fn rows(self, columns: i64) -> i64 {
        match self {
            Self::Square => columns,
            Self::Wide => columns * 7 / 10,
            Self::Own => columns * 3 / 4,
        }
    }

    /// The size of a frame whose longer side is given, in words.
    pub(crate) fn describe(self, longer: usize) -> String {
        match self {
            Self::Square => format!("in {longer} x {longer} pixels"),
            Self::Wide => format!("in {longer} x {} pixels", self.rows(longer as i64)),
            Self::Own => format!("as they are, the longer side {longer} pixels"),
        }
    }

    /// In words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Square => "a square",
            Self::Wide => "wide",
            Self::Own => "as the photo is",
        }
    }
}
