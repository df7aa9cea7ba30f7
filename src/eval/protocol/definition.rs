//! What there is to say of a protocol; everything else about it follows.

use crate::data::layouts::Layout;
use crate::data::truth::TruthKind;
use crate::eval::protocol::rules::{Average, MeasureFrame, ThresholdReference, Ties, TransferRule};

/// A protocol before it is known which dataset it is for.
#[derive(Debug)]
pub(crate) struct Definition {
    /// The name, as users type it.
    pub name: &'static str,
    /// Its rules in brief, for help texts; a long one breaks its lines itself.
    pub summary: &'static str,
    /// The kinds of truth that it is a rule for.
    pub truths: &'static [TruthKind],
    /// Whether it is scored where none is asked for.
    pub by_default: bool,
    /// Whether target and source change places, so that target keypoints are moved into the source.
    pub exchanges: bool,
    /// Where distances and thresholds are measured.
    pub frame: fn(Layout) -> MeasureFrame,
    /// How source keypoints become predictions.
    pub transfer: TransferRule,
    /// What the overall PCK is the mean of.
    pub average: Average,
    /// What becomes of a keypoint whose distance equals the limit.
    pub ties: Ties,
    /// Whether it fits the annotations of a layout of such a truth, and which length alpha multiplies.
    pub within: fn(Layout) -> Fit,
}

impl Definition {
    /// Whether it fits a layout's annotations, and which length alpha multiplies.
    pub(crate) fn fit(&self, layout: Layout) -> Fit {
        let truth = layout.annotations().truth;
        if self.truths.contains(&truth) {
            return (self.within)(layout);
        }
        let protocol = match self.truths {
            [TruthKind::Outlines] => "measures outlines",
            [TruthKind::Flow] => "measures flows",
            _ => "measures keypoints",
        };
        match truth {
            TruthKind::Keypoints => {
                Fit::Unfit { protocol, layout: "has keypoints", instead: "`image`" }
            }
            TruthKind::Flow => Fit::Unfit { protocol, layout: "has flows", instead: "`image`" },
            TruthKind::Outlines => {
                Fit::Unfit { protocol, layout: "has outlines", instead: "`areas`" }
            }
        }
    }
}

/// Whether a protocol fits a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It does.
    Fits {
        /// The length that alpha multiplies.
        threshold: ThresholdReference,
        /// What a reader must know before comparing with published figures: a sentence, or nothing.
        remark: &'static str,
    },
    /// It does not.
    Unfit {
        /// What the protocol does: "needs object boxes".
        protocol: &'static str,
        /// What the layout does: "has none".
        layout: &'static str,
        /// The protocols to use instead, in words.
        instead: &'static str,
    },
}

impl Fit {
    /// It fits, and nothing is to be said about it.
    pub(crate) const fn by(threshold: ThresholdReference) -> Self {
        Self::Fits { threshold, remark: "" }
    }
}
