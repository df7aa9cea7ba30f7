//! What the code of LPMFlow's authors, and of ACTR's, does: the photo stretched to 512 x 512, and keypoints cut to whole pixels of it.

use crate::data::truth::TruthKind;
use crate::eval::protocol::definition::{Definition, Fit};
use crate::eval::protocol::rules::{Average, MeasureFrame, ThresholdReference, Ties, TransferRule};

/// What the authors' code does in its `bbox` mode.
pub(crate) const PAPER: Definition = Definition {
    name: "paper",
    summary: "the authors' code: 512 frame, whole source pixels, threshold from the SOURCE box\n\
              (PF-WILLOW: from the target keypoints and a padding point), mean over pairs",
    truths: &[TruthKind::Keypoints],
    by_default: true,
    exchanges: false,
    frame: |_| MeasureFrame::Paper512,
    transfer: TransferRule::Truncated,
    average: Average::Pairs,
    ties: Ties::Right,
    within: |layout| match layout.annotations().object_boxes {
        true => Fit::Fits {
            threshold: ThresholdReference::SourceBox,
            remark: "This is the authors' code in its `bbox` mode: their figures for SPair-71k; their \
                     figures for PF-PASCAL use `img` mode (`paper-image`).",
        },
        false => Fit::Fits {
            threshold: ThresholdReference::TargetKeypointsPadded,
            remark: "This is the authors' code in its `bbox` mode; the instructions for their \
                     published PF-WILLOW figures ask for `img` mode (`paper-image`).",
        },
    },
};

/// What the authors' code does in its `img` mode.
pub(crate) const PAPER_IMAGE: Definition = Definition {
    name: "paper-image",
    summary: "the same with the threshold from the 512 frame: the authors' `img` mode",
    within: |_| Fit::Fits {
        threshold: ThresholdReference::PaperFrameSide,
        remark: "This is the authors' code in its `img` mode: their figures for PF-PASCAL and \
                 PF-WILLOW.",
    },
    ..PAPER
};

/// What the code of ACTR's authors does, who are the same: it scores by the SOURCE everywhere.
pub(crate) const ACTR: Definition = Definition {
    name: "actr",
    summary: "ACTR's evaluator: as paper, but for PF-PASCAL by the 512 frame, and for PF-WILLOW by the SOURCE\n\
              keypoints and a padding point",
    by_default: false,
    within: |layout| Fit::Fits {
        threshold: match (layout.name(), layout.annotations().object_boxes) {
            ("pf-pascal", _) => ThresholdReference::PaperFrameSide,
            (_, true) => ThresholdReference::SourceBox,
            (_, false) => ThresholdReference::SourceKeypointsPadded,
        },
        remark: "This is ACTR's evaluator with `--thres auto`.",
    },
    ..PAPER
};
