//! Measures of areas, of datasets that have outlines instead of keypoints.

use crate::data::truth::TruthKind;
use crate::eval::protocol::definition::{Definition, Fit};
use crate::eval::protocol::rules::{Average, MeasureFrame, ThresholdReference, Ties, TransferRule};

/// What weakalign measures on Caltech-101.
pub(crate) const AREAS: Definition = Definition {
    name: "areas",
    summary: "LT-ACC, IoU and LOC-ERR of the object's outline (Caltech-101), as weakalign's evaluator has\n\
              them, each the mean over pairs",
    truths: &[TruthKind::Outlines],
    by_default: true,
    exchanges: false,
    frame: |_| MeasureFrame::TargetOriginal,
    transfer: TransferRule::SubPixel,
    average: Average::Pairs,
    ties: Ties::Right,
    within: |_| Fit::by(ThresholdReference::Nothing),
};

/// The measures in words, complete enough to write them again; how predictions are moved follows.
pub(super) const DESCRIPTION: &str = "\
     A pixel belongs to the object if it lies within its outline, or on it. Every source pixel is moved to the target; \
     it meets the object there if more than half of that position belongs to it (bilinearly; nothing beyond the \
     photo). LT-ACC is the share of source pixels whose label is that of their match. IoU is the share of source pixels \
     that belong to the object and meet it, of those that do either. LOC-ERR is how far the places of pixel and match \
     are apart, |x| + |y|, each in units of the object's extent in its photo, with the match cut to a whole pixel; it is \
     the mean over source pixels whose match lies within the target, and a pair without any has none. All three are in \
     percent, and means over pairs; of LOC-ERR less is better.";
