//! The conventions of the benchmarks: original pixels, and keypoints moved from where they are.

use crate::data::layouts::Layout;
use crate::data::truth::TruthKind;
use crate::eval::protocol::definition::{Definition, Fit};
use crate::eval::protocol::rules::{Average, MeasureFrame, ThresholdReference, Ties, TransferRule};

/// The SPair-71k convention.
pub(crate) const STANDARD: Definition = Definition {
    name: "standard",
    summary: "threshold from the TARGET box, sub-pixel, original target pixels, mean over pairs",
    truths: &[TruthKind::Keypoints],
    by_default: true,
    exchanges: false,
    frame: |_| MeasureFrame::TargetOriginal,
    transfer: TransferRule::SubPixel,
    average: Average::Pairs,
    ties: Ties::Right,
    within: target_box,
};

/// As `standard`, every keypoint with equal weight.
pub(crate) const PER_KEYPOINT: Definition = Definition {
    name: "per-keypoint",
    summary: "as standard, mean over keypoints",
    average: Average::Keypoints,
    ..STANDARD
};

/// The threshold refers to the image.
pub(crate) const IMAGE: Definition = Definition {
    name: "image",
    summary: "as standard, threshold from the larger side of the target image",
    truths: &[TruthKind::Keypoints, TruthKind::Flow],
    within: |layout| Fit::Fits {
        threshold: ThresholdReference::TargetImage,
        remark: match layout.annotations().truth {
            TruthKind::Keypoints | TruthKind::Outlines => "",
            TruthKind::Flow => "Each pixel whose counterpart the true flow knows is a keypoint.",
        },
    },
    ..STANDARD
};

/// The threshold refers to the keypoints' extent (PF-WILLOW).
pub(crate) const KEYPOINT_BOX: Definition = Definition {
    name: "keypoint-box",
    summary: "as standard, threshold from the extent of the target keypoints (PF-WILLOW)",
    within: |layout| match layout.annotations().object_boxes {
        true => Fit::Unfit {
            protocol: "stands in for missing object boxes",
            layout: "has them",
            instead: "`standard`",
        },
        false => Fit::by(ThresholdReference::TargetKeypoints),
    },
    ..STANDARD
};

fn target_box(layout: Layout) -> Fit {
    match layout.annotations().object_boxes {
        true => Fit::by(ThresholdReference::TargetBox),
        false => Fit::Unfit {
            protocol: "needs object boxes",
            layout: "has none",
            instead: "`keypoint-box`, `image` or `paper`",
        },
    }
}
