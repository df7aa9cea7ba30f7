//! The rules that protocols are made of, each with its own words.

use serde::{Deserialize, Serialize};

/// The length that alpha multiplies: a keypoint is right within `alpha * length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ThresholdReference {
    /// Larger side of the SOURCE object's box.
    SourceBox,
    /// Larger side of the target object's box.
    TargetBox,
    /// Larger side of the target image.
    TargetImage,
    /// Larger extent of the pair's target keypoints.
    TargetKeypoints,
    /// Larger extent of the target keypoints and of the padding point (-1, -1).
    TargetKeypointsPadded,
    /// Larger extent of the target keypoints and of the padding point (-2, -2).
    TargetKeypointsPaddedTwice,
    /// Larger extent of the SOURCE keypoints and of the padding point (-1, -1).
    SourceKeypointsPadded,
    /// Side of the paper frame: 512.
    PaperFrameSide,
    /// Side of the frame, whichever it is.
    FrameSide,
    /// None: areas are measured, and no keypoint is right or wrong.
    #[serde(rename = "none")]
    Nothing,
}

/// Where distances and thresholds are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum MeasureFrame {
    /// The target image stretched to 512 x 512.
    #[serde(rename = "paper-512")]
    Paper512,
    /// The target image stretched to 256 x 256.
    #[serde(rename = "stretched-256")]
    Stretched256,
    /// The target image stretched to 240 x 240.
    #[serde(rename = "stretched-240")]
    Stretched240,
    /// The target image stretched to 224 x 224.
    #[serde(rename = "stretched-224")]
    Stretched224,
    /// The target image stretched to 320 x 224.
    #[serde(rename = "stretched-320x224")]
    Stretched320x224,
    /// The target image scaled so that its longer side has 300 pixels.
    #[serde(rename = "scaled-300")]
    Scaled300,
    /// The target image as it is.
    #[serde(rename = "target-original")]
    TargetOriginal,
    /// The target image centred in a square of 840 pixels, its aspect kept.
    #[serde(rename = "padded-840")]
    Padded840,
    /// The target image stretched to 770 x 770.
    #[serde(rename = "stretched-770")]
    Stretched770,
    /// The target image in the upper left of a square of 770 pixels, its aspect kept.
    #[serde(rename = "padded-770")]
    Padded770,
}

/// How source keypoints become predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TransferRule {
    /// From whole pixels of the frame (see [`crate::eval::transfer::transfer_truncated`]).
    Truncated,
    /// From sub-pixel positions (see [`crate::eval::transfer::transfer_sub_pixel`]).
    SubPixel,
    /// From the centres of patches of the 840 frame (see [`crate::eval::transfer::transfer_by_patch`]).
    PatchCentre,
    /// Read from a file, in original target pixels.
    Stored,
    /// Read from a file that holds points of the 256 frame too.
    #[serde(rename = "stored-256")]
    Stored256,
    /// Read from a file that holds points of the 512 frame too.
    #[serde(rename = "stored-512")]
    Stored512,
    /// Read from a file that holds points of the 840 frame too.
    #[serde(rename = "stored-840")]
    Stored840,
}

/// What becomes of a keypoint whose distance equals the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ties {
    /// It is right.
    #[default]
    Right,
    /// It is wrong.
    Wrong,
}

/// What the overall PCK is the mean of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Average {
    /// Each pair's share of right keypoints, all pairs with equal weight.
    Pairs,
    /// All keypoints of all pairs with equal weight.
    Keypoints,
}

impl ThresholdReference {
    /// All references, for the report's schema.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 10] = [
        Self::SourceBox,
        Self::TargetBox,
        Self::TargetImage,
        Self::TargetKeypoints,
        Self::TargetKeypointsPadded,
        Self::TargetKeypointsPaddedTwice,
        Self::SourceKeypointsPadded,
        Self::PaperFrameSide,
        Self::FrameSide,
        Self::Nothing,
    ];

    /// The length in words: "the larger side of ...".
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::SourceBox => "the larger side of the SOURCE object's box",
            Self::TargetBox => "the larger side of the target object's box",
            Self::TargetImage => "the larger side of the target image",
            Self::TargetKeypoints => "the larger side of the box around the target keypoints",
            Self::TargetKeypointsPadded => {
                "the larger side of the box around the target keypoints and the point (-1, -1), with \
                 which the authors' code pads its keypoint lists"
            }
            Self::TargetKeypointsPaddedTwice => {
                "the larger side of the box around the target keypoints and the point (-2, -2), with which the \
                 authors' code pads its keypoint lists"
            }
            Self::SourceKeypointsPadded => {
                "the larger side of the box around the SOURCE keypoints and the point (-1, -1), with which the \
                 authors' code pads its keypoint lists"
            }
            Self::PaperFrameSide => "512 pixels, the side of the frame",
            Self::FrameSide => "the side of the frame",
            Self::Nothing => "nothing",
        }
    }
}

impl MeasureFrame {
    /// All frames.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 10] = [
        Self::Paper512,
        Self::Stretched256,
        Self::Stretched240,
        Self::Stretched224,
        Self::Stretched320x224,
        Self::Scaled300,
        Self::TargetOriginal,
        Self::Padded840,
        Self::Stretched770,
        Self::Padded770,
    ];

    /// The frame in a sentence.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Stretched256 => {
                "Both are measured with the image stretched to 256 x 256 pixels (x * 256 / width, y * 256 / height)."
            }
            Self::Stretched240 => {
                "Both are measured with the image stretched to 240 x 240 pixels (x * 240 / width, y * 240 / height)."
            }
            Self::Stretched224 => {
                "Both are measured with the image stretched to 224 x 224 pixels (x * 224 / width, y * 224 / height)."
            }
            Self::Stretched320x224 => {
                "Both are measured with the image stretched to 320 x 224 pixels (x * 320 / width, y * 224 / height)."
            }
            Self::Scaled300 => {
                "Both are measured with the image scaled so that its longer side has 300 pixels."
            }
            Self::Paper512 => {
                "Both are measured with the image stretched to 512 x 512 pixels (x * 512 / width, \
                 y * 512 / height)."
            }
            Self::TargetOriginal => "Both are measured in pixels of the original target image.",
            Self::Padded840 => {
                "Both are measured with the image scaled so that its longer side has 840 pixels, centred in a \
                 square of that side."
            }
            Self::Stretched770 => {
                "Both are measured with the image stretched to 770 x 770 pixels, target keypoints held within \
                 its first and last pixels."
            }
            Self::Padded770 => {
                "Both are measured with the image scaled so that its longer side has 770 pixels, target \
                 keypoints held within its first and last pixels."
            }
        }
    }
}

impl TransferRule {
    /// All rules.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] = [
        Self::Truncated,
        Self::SubPixel,
        Self::PatchCentre,
        Self::Stored,
        Self::Stored256,
        Self::Stored512,
        Self::Stored840,
    ];

    /// The rule in a sentence, for distances measured in `frame`.
    pub(crate) const fn description(self, frame: MeasureFrame) -> &'static str {
        match (self, frame) {
            (Self::Truncated, MeasureFrame::Stretched256) => {
                "Source keypoints are cut to whole pixels of the 256 frame and moved by the flow enlarged to it \
                 bilinearly."
            }
            (Self::Truncated, _) => {
                "Source keypoints are cut to whole pixels of the 512 frame and moved by the flow \
                 enlarged to it bilinearly."
            }
            (Self::SubPixel, _) => {
                "Source keypoints are moved from their sub-pixel positions by the flow, sampled \
                 bilinearly, or by the model's own rule where it has one."
            }
            (Self::Stored, MeasureFrame::Paper512 | MeasureFrame::Stretched256) => {
                "Predictions are read from a file in original target pixels and stretched like the \
                 image; the authors' own transfer starts from whole pixels, which this file does not \
                 tell."
            }
            (Self::PatchCentre, _) => {
                "Source keypoints are cut to the 60 x 60 patches of that square and moved by what was found at \
                 the patch's centre."
            }
            (Self::Stored840, _) => {
                "Predictions are read from a file that holds them in this frame, moved from patch centres."
            }
            (Self::Stored256 | Self::Stored512, _) => {
                "Predictions are read from a file that holds them in this frame, moved by the \
                 authors' rule."
            }
            (Self::Stored, MeasureFrame::TargetOriginal) => "Predictions are read from a file.",
            (Self::Stored, _) => {
                "Predictions are read from a file in original target pixels and scaled as the image."
            }
        }
    }
}

impl Ties {
    /// Both.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 2] = [Self::Right, Self::Wrong];

    /// What a distance must be to the limit: "at most".
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Right => "at most",
            Self::Wrong => "less than",
        }
    }
}

impl Average {
    /// All averages.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 2] = [Self::Pairs, Self::Keypoints];

    /// The average in a sentence.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Pairs => "PCK is the mean over pairs of each pair's share of right keypoints.",
            Self::Keypoints => "PCK is the share of right keypoints among all keypoints.",
        }
    }
}
