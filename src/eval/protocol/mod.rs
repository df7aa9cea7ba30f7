//! Named evaluation protocols: every choice that changes a PCK value, spelled out.

pub(crate) mod areas;
pub(crate) mod authors;
pub(crate) mod conventions;
pub(crate) mod definition;
pub(crate) mod evaluators;
pub(crate) mod frames;
pub(crate) mod name;
pub(crate) mod rules;
#[cfg(test)]
pub(crate) mod toy;

use anyhow::{Result, bail};

use crate::data::layouts::Layout;
use crate::eval::protocol::definition::{Definition, Fit};
use crate::eval::protocol::name::ProtocolName;
use crate::eval::protocol::rules::{Average, MeasureFrame, ThresholdReference, Ties, TransferRule};

/// A protocol as it applies to a dataset's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protocol {
    /// Its name.
    pub name: ProtocolName,
    /// Whether target and source change places.
    pub exchanges: bool,
    /// The length that alpha multiplies.
    pub threshold: ThresholdReference,
    /// Where distances and thresholds are measured.
    pub frame: MeasureFrame,
    /// How source keypoints become predictions.
    pub transfer: TransferRule,
    /// What the overall PCK is the mean of.
    pub average: Average,
    /// What becomes of a keypoint whose distance equals the limit.
    pub ties: Ties,
    /// What a reader must know before comparing with published figures: a sentence, or nothing.
    pub remark: &'static str,
}

impl Protocol {
    /// The protocol `name` for a dataset of `layout`.
    ///
    /// # Errors
    /// When the layout's annotations lack what the protocol measures with.
    pub(crate) fn for_layout(name: ProtocolName, layout: Layout) -> Result<Self> {
        let &Definition { exchanges, frame, transfer, average, ties, .. } = name.definition();
        match name.definition().fit(layout) {
            Fit::Fits { threshold, remark } => {
                let frame = frame(layout);
                Ok(Self { name, exchanges, threshold, frame, transfer, average, ties, remark })
            }
            Fit::Unfit { protocol, layout: annotations, instead } => bail!(
                "protocol `{name}` {protocol}, and layout `{layout}` {annotations}: use {instead}"
            ),
        }
    }

    /// All protocols that fit a dataset of `layout` and are scored where none is asked for, `first` first.
    ///
    /// # Errors
    /// When `first` does not fit.
    pub(crate) fn all_for_layout(first: ProtocolName, layout: Layout) -> Result<Vec<Self>> {
        let others =
            ProtocolName::all().filter(|name| *name != first && name.definition().by_default);
        let others = others.filter_map(|name| Self::for_layout(name, layout).ok());
        Ok([Self::for_layout(first, layout)?].into_iter().chain(others).collect())
    }

    /// The same protocol for predictions that are read from a file, which may hold points of its frame.
    pub(crate) fn stored(self, has_framed: bool) -> Self {
        let transfer = match self.frame {
            MeasureFrame::Stretched256 if has_framed => TransferRule::Stored256,
            MeasureFrame::Paper512 if has_framed => TransferRule::Stored512,
            MeasureFrame::Padded840 if has_framed => TransferRule::Stored840,
            _ => TransferRule::Stored,
        };
        Self { transfer, ..self }
    }

    /// Whether it measures areas, and not PCK.
    pub(crate) fn measures_areas(&self) -> bool {
        self.threshold == ThresholdReference::Nothing
    }

    /// The protocol in words, complete enough to write it again.
    pub(crate) fn description(&self) -> String {
        if self.measures_areas() {
            let transfer = match self.transfer {
                TransferRule::Stored => "Flows are read from files.",
                _ => "Pixels are moved by the flow, sampled bilinearly.",
            };
            return format!("{} {transfer}", areas::DESCRIPTION);
        }
        let exchange = match self.exchanges {
            true => "Target and source of each pair change places. ",
            false => "",
        };
        let description = format!(
            "{exchange}A keypoint is right when its distance to the target keypoint is {} alpha times {}. {} {} {} {}",
            self.ties.description(),
            self.threshold.description(),
            self.frame.description(),
            self.transfer.description(self.frame),
            self.average.description(),
            self.remark
        );
        description.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::protocol;

    #[test]
    fn paper_refers_to_the_source_box_but_on_pf_willow_to_padded_keypoints() {
        let threshold = |layout| protocol("paper", layout).unwrap().threshold;
        assert_eq!(threshold("spair71k"), ThresholdReference::SourceBox);
        assert_eq!(threshold("pf-pascal"), ThresholdReference::SourceBox);
        assert_eq!(threshold("pf-willow"), ThresholdReference::TargetKeypointsPadded);
    }

    #[test]
    fn protocol_that_does_not_fit_the_layout_names_one_that_does() {
        let error = protocol("standard", "pf-willow").unwrap_err();
        assert!(error.to_string().contains("use `keypoint-box`"), "{error}");
        let error = protocol("keypoint-box", "spair71k").unwrap_err();
        assert!(error.to_string().contains("use `standard`"), "{error}");
    }

    #[test]
    fn flows_are_scored_by_the_image_alone() {
        let image = protocol("image", "tss").unwrap();
        assert_eq!(Protocol::all_for_layout(image.name, "tss".parse().unwrap()).unwrap(), [image]);
        let error = protocol("keypoint-box", "tss").unwrap_err().to_string();
        assert!(
            error.contains("measures keypoints, and layout `tss` has flows: use `image`"),
            "{error}"
        );
    }

    #[test]
    fn description_spells_out_threshold_frame_transfer_and_average() {
        assert_eq!(
            protocol("per-keypoint", "spair71k").unwrap().description(),
            "A keypoint is right when its distance to the target keypoint is at most alpha times the \
             larger side of the target object's box. Both are measured in pixels of the original \
             target image. Source keypoints are moved from their sub-pixel positions by the flow, \
             sampled bilinearly, or by the model's own rule where it has one. PCK is the share of right \
             keypoints among all keypoints."
        );
    }

    #[test]
    fn description_of_the_authors_mode_says_which_figures_it_gives() {
        let description = protocol("paper-image", "pf-willow").unwrap().description();
        let end = "share of right keypoints. This is the authors' code in its `img` mode: their figures \
                   for PF-PASCAL and PF-WILLOW.";
        assert!(description.ends_with(end), "{description}");
    }
}
