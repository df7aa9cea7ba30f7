//! Named evaluation protocols: every choice that changes a PCK value, spelled out.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// The name of a protocol, as users type it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolName {
    /// What the authors' code does in its `bbox` mode.
    Paper,
    /// What the authors' code does in its `img` mode.
    PaperImage,
    /// The SPair-71k convention.
    Standard,
    /// As `standard`, every keypoint with equal weight.
    PerKeypoint,
    /// The threshold refers to the image.
    Image,
    /// The threshold refers to the keypoints' extent (PF-WILLOW).
    KeypointBox,
}

impl ProtocolName {
    /// All protocols, in the order help texts list them.
    pub const ALL: [Self; 6] = [
        Self::Paper,
        Self::PaperImage,
        Self::Standard,
        Self::PerKeypoint,
        Self::Image,
        Self::KeypointBox,
    ];

    /// The name as users type it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::PaperImage => "paper-image",
            Self::Standard => "standard",
            Self::PerKeypoint => "per-keypoint",
            Self::Image => "image",
            Self::KeypointBox => "keypoint-box",
        }
    }
}

impl fmt::Display for ProtocolName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for ProtocolName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(name) = Self::ALL.into_iter().find(|name| name.as_str() == text) {
            return Ok(name);
        }
        bail!("there is no protocol `{text}`; there are {}", Self::ALL.map(Self::as_str).join(", "))
    }
}

/// The length that alpha multiplies: a keypoint is right within `alpha * length`, a tie included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdReference {
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
    /// Side of the paper frame: 512.
    PaperFrameSide,
}

/// Where distances and thresholds are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MeasureFrame {
    /// The target image stretched to 512 x 512.
    #[serde(rename = "paper-512")]
    Paper512,
    /// The target image as it is.
    #[serde(rename = "target-original")]
    TargetOriginal,
}

/// How source keypoints become predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferRule {
    /// From whole pixels of the 512 frame (see [`super::transfer::transfer_by_paper`]).
    Truncated,
    /// From sub-pixel positions (see [`super::transfer::transfer_sub_pixel`]).
    SubPixel,
    /// Read from a file, in original target pixels.
    Stored,
    /// Read from a file that holds points of the 512 frame too.
    #[serde(rename = "stored-512")]
    Stored512,
}

/// What the overall PCK is the mean of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// Each pair's share of right keypoints, all pairs with equal weight.
    Pairs,
    /// All keypoints of all pairs with equal weight.
    Keypoints,
}

/// A protocol: every choice that changes a PCK value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: ProtocolName,
    /// The length that alpha multiplies.
    pub threshold: ThresholdReference,
    /// Where distances and thresholds are measured.
    pub frame: MeasureFrame,
    /// How source keypoints become predictions.
    pub transfer: TransferRule,
    /// What the overall PCK is the mean of.
    pub average: Average,
}

impl Protocol {
    /// The protocol `name` for a dataset of `layout`.
    ///
    /// # Errors
    /// When the layout lacks what the protocol measures with.
    pub fn for_layout(name: ProtocolName, layout: &str) -> Result<Self> {
        use ThresholdReference as Reference;
        let willow = layout == "pf-willow";
        let threshold = match name {
            ProtocolName::Paper if willow => Reference::TargetKeypointsPadded,
            ProtocolName::Paper => Reference::SourceBox,
            ProtocolName::PaperImage => Reference::PaperFrameSide,
            ProtocolName::Standard | ProtocolName::PerKeypoint if willow => bail!(
                "protocol `{name}` needs object boxes, and layout `{layout}` has none: use \
                 `keypoint-box`, `image` or `paper`"
            ),
            ProtocolName::Standard | ProtocolName::PerKeypoint => Reference::TargetBox,
            ProtocolName::Image => Reference::TargetImage,
            ProtocolName::KeypointBox if willow => Reference::TargetKeypoints,
            ProtocolName::KeypointBox => bail!(
                "protocol `{name}` stands in for missing object boxes, and layout `{layout}` has \
                 them: use `standard`"
            ),
        };
        let (frame, transfer) = match name {
            ProtocolName::Paper | ProtocolName::PaperImage => {
                (MeasureFrame::Paper512, TransferRule::Truncated)
            }
            _ => (MeasureFrame::TargetOriginal, TransferRule::SubPixel),
        };
        let average = match name {
            ProtocolName::PerKeypoint => Average::Keypoints,
            _ => Average::Pairs,
        };
        Ok(Self { name, threshold, frame, transfer, average })
    }

    /// All protocols that fit a dataset of `layout`, `first` first.
    ///
    /// # Errors
    /// When `first` does not fit.
    pub fn all_for_layout(first: ProtocolName, layout: &str) -> Result<Vec<Self>> {
        let others = ProtocolName::ALL.into_iter().filter(|name| *name != first);
        let others = others.filter_map(|name| Self::for_layout(name, layout).ok());
        Ok([Self::for_layout(first, layout)?].into_iter().chain(others).collect())
    }

    /// The same protocol for predictions that are read from a file, with points of the 512 frame or
    /// without.
    pub fn stored(self, with_paper_points: bool) -> Self {
        let transfer = match self.frame {
            MeasureFrame::Paper512 if with_paper_points => TransferRule::Stored512,
            _ => TransferRule::Stored,
        };
        Self { transfer, ..self }
    }

    /// The protocol in words, complete enough to write it again.
    pub fn description(&self) -> String {
        format!(
            "A keypoint is right when its distance to the target keypoint is at most alpha times {}. \
             {} {} {}{}",
            self.threshold.description(),
            self.frame.description(),
            self.transfer.description(self.frame),
            self.average.description(),
            self.remark()
        )
    }

    /// What a reader must know before comparing with published figures.
    fn remark(&self) -> &'static str {
        match (self.name, self.threshold) {
            (ProtocolName::Paper, ThresholdReference::TargetKeypointsPadded) => {
                " This is the authors' code in its `bbox` mode; the instructions for their published \
                 PF-WILLOW figures ask for `img` mode (`paper-image`)."
            }
            (ProtocolName::Paper, _) => {
                " This is the authors' code in its `bbox` mode: their figures for SPair-71k; their \
                 figures for PF-PASCAL use `img` mode (`paper-image`)."
            }
            (ProtocolName::PaperImage, _) => {
                " This is the authors' code in its `img` mode: their figures for PF-PASCAL and \
                 PF-WILLOW."
            }
            _ => "",
        }
    }
}

impl ThresholdReference {
    /// The length in words: "the larger side of ...".
    pub const fn description(self) -> &'static str {
        match self {
            Self::SourceBox => "the larger side of the SOURCE object's box",
            Self::TargetBox => "the larger side of the target object's box",
            Self::TargetImage => "the larger side of the target image",
            Self::TargetKeypoints => "the larger side of the box around the target keypoints",
            Self::TargetKeypointsPadded => {
                "the larger side of the box around the target keypoints and the point (-1, -1), with \
                 which the authors' code pads its keypoint lists"
            }
            Self::PaperFrameSide => "512 pixels, the side of the frame",
        }
    }
}

impl MeasureFrame {
    /// The frame in a sentence.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Paper512 => {
                "Both are measured with the image stretched to 512 x 512 pixels (x * 512 / width, \
                 y * 512 / height)."
            }
            Self::TargetOriginal => "Both are measured in pixels of the original target image.",
        }
    }
}

impl TransferRule {
    /// The rule's name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::SubPixel => "sub-pixel",
            Self::Stored => "stored",
            Self::Stored512 => "stored-512",
        }
    }

    /// The rule in a sentence.
    const fn description(self, frame: MeasureFrame) -> &'static str {
        match (self, frame) {
            (Self::Truncated, _) => {
                "Source keypoints are cut to whole pixels of the 512 frame and moved by the flow \
                 enlarged to it bilinearly."
            }
            (Self::SubPixel, _) => {
                "Source keypoints are moved from their sub-pixel positions by the flow, sampled \
                 bilinearly."
            }
            (Self::Stored, MeasureFrame::Paper512) => {
                "Predictions are read from a file in original target pixels and stretched like the \
                 image; the authors' own transfer starts from whole pixels, which this file does not \
                 tell."
            }
            (Self::Stored512, _) => {
                "Predictions are read from a file that holds them in this frame, moved by the \
                 authors' rule."
            }
            (Self::Stored, MeasureFrame::TargetOriginal) => "Predictions are read from a file.",
        }
    }
}

impl Average {
    /// The average in a sentence.
    const fn description(self) -> &'static str {
        match self {
            Self::Pairs => "PCK is the mean over pairs of each pair's share of right keypoints.",
            Self::Keypoints => "PCK is the share of right keypoints among all keypoints.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_match_their_serialised_form() {
        for name in ProtocolName::ALL {
            assert_eq!(name.as_str().parse::<ProtocolName>().unwrap(), name);
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
        }
        let error = "pck".parse::<ProtocolName>().unwrap_err().to_string();
        assert!(error.contains("`pck`") && error.contains("keypoint-box"), "{error}");
    }

    #[test]
    fn paper_refers_to_the_source_box_but_on_pf_willow_to_padded_keypoints() {
        let threshold =
            |layout| Protocol::for_layout(ProtocolName::Paper, layout).unwrap().threshold;
        assert_eq!(threshold("spair71k"), ThresholdReference::SourceBox);
        assert_eq!(threshold("pf-pascal"), ThresholdReference::SourceBox);
        assert_eq!(threshold("pf-willow"), ThresholdReference::TargetKeypointsPadded);
    }

    #[test]
    fn protocol_that_does_not_fit_the_layout_names_one_that_does() {
        let error = Protocol::for_layout(ProtocolName::Standard, "pf-willow").unwrap_err();
        assert!(error.to_string().contains("use `keypoint-box`"), "{error}");
        let error = Protocol::for_layout(ProtocolName::KeypointBox, "spair71k").unwrap_err();
        assert!(error.to_string().contains("use `standard`"), "{error}");
    }

    #[test]
    fn description_spells_out_threshold_frame_transfer_and_average() {
        let protocol = Protocol::for_layout(ProtocolName::PerKeypoint, "spair71k").unwrap();
        assert_eq!(
            protocol.description(),
            "A keypoint is right when its distance to the target keypoint is at most alpha times the \
             larger side of the target object's box. Both are measured in pixels of the original \
             target image. Source keypoints are moved from their sub-pixel positions by the flow, \
             sampled bilinearly. PCK is the share of right keypoints among all keypoints."
        );
    }
}
