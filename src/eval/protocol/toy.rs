//! A protocol for tests alone: the 512 frame of the authors, sub-pixel positions, every keypoint alike.

use crate::data::truth::TruthKind;
use crate::eval::protocol::definition::{Definition, Fit};
use crate::eval::protocol::rules::{Average, MeasureFrame, ThresholdReference, Ties, TransferRule};

/// The definition.
pub(crate) const TOY: Definition = Definition {
    name: "toy",
    summary: "512 frame, sub-pixel, threshold from the frame, mean over keypoints: for tests",
    truths: &[TruthKind::Keypoints],
    by_default: true,
    exchanges: false,
    frame: |_| MeasureFrame::Paper512,
    transfer: TransferRule::SubPixel,
    average: Average::Keypoints,
    ties: Ties::Right,
    within: |_| Fit::Fits {
        threshold: ThresholdReference::PaperFrameSide,
        remark: "No paper uses `toy`.",
    },
};
