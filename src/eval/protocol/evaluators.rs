//! What the evaluators of other systems do, each in the frame of its network. Theirs are the figures that papers
//! on DINOv2 features compare; they are scored where they are asked for by name.

use crate::data::layouts::Layout;
use crate::data::truth::TruthKind;
use crate::eval::protocol::definition::{Definition, Fit};
use crate::eval::protocol::rules::{Average, MeasureFrame, ThresholdReference, Ties, TransferRule};

/// GeoAware-SC with `KPT_RESULT`.
pub(crate) const GEOAWARE_POINT: Definition = Definition {
    name: "geoaware-point",
    summary: "GeoAware-SC's evaluator with KPT_RESULT: padded 840 frame, patch centres, TARGET box (frame where\n\
              there are no boxes, and for PF-PASCAL), a tie is wrong, mean over keypoints",
    truths: &[TruthKind::Keypoints],
    by_default: false,
    exchanges: false,
    frame: |_| MeasureFrame::Padded840,
    transfer: TransferRule::PatchCentre,
    average: Average::Keypoints,
    ties: Ties::Wrong,
    within: |layout| Fit::Fits {
        threshold: box_or_frame(layout),
        remark: "This is GeoAware-SC's evaluator with `KPT_RESULT: true`, by which its paper compares \
                 unsupervised methods.",
    },
};

/// GeoAware-SC as it is set where nothing is said.
pub(crate) const GEOAWARE_IMAGE: Definition = Definition {
    name: "geoaware-image",
    summary: "the same, mean over pairs: GeoAware-SC's evaluator without KPT_RESULT",
    average: Average::Pairs,
    within: |layout| Fit::Fits {
        threshold: box_or_frame(layout),
        remark: "This is GeoAware-SC's evaluator without `KPT_RESULT`, by which its paper compares supervised \
                 methods.",
    },
    ..GEOAWARE_POINT
};

/// DIY-SC.
pub(crate) const DIY_SC: Definition = Definition {
    name: "diy-sc",
    summary: "DIY-SC's evaluator: the rules of geoaware-point",
    within: |layout| Fit::Fits {
        threshold: box_or_frame(layout),
        remark: "This is DIY-SC's evaluator as `configs/eval_spair.yaml` sets it: GeoAware-SC's with \
                 `KPT_RESULT: true`.",
    },
    ..GEOAWARE_POINT
};

/// MARCO.
pub(crate) const MARCO: Definition = Definition {
    name: "marco",
    summary: "MARCO's evaluator: 770 frame (SPair stretched, others padded), TARGET box (frame where there are no\n\
              boxes, and for PF-PASCAL), mean over pairs",
    truths: &[TruthKind::Keypoints],
    by_default: false,
    exchanges: false,
    frame: |layout| match layout.name() {
        "spair71k" | "spair-u" => MeasureFrame::Stretched770,
        _ => MeasureFrame::Padded770,
    },
    transfer: TransferRule::SubPixel,
    average: Average::Pairs,
    ties: Ties::Right,
    within: |layout| Fit::Fits {
        threshold: box_or_frame(layout),
        remark: "This is MARCO's evaluator, whose loaders stretch SPair-71k and pad all other datasets.",
    },
};

/// CATs.
pub(crate) const CATS: Definition = Definition {
    name: "cats",
    summary: "CATs' evaluator: TARGET keypoints are moved into the source; 256 frame, whole pixels, threshold from the\n\
              SOURCE box (PF-PASCAL: the frame; PF-WILLOW: the source keypoints and a padding point), mean over pairs",
    truths: &[TruthKind::Keypoints],
    by_default: false,
    exchanges: true,
    frame: |_| MeasureFrame::Stretched256,
    transfer: TransferRule::Truncated,
    average: Average::Pairs,
    ties: Ties::Right,
    within: |layout| Fit::Fits {
        // Once they have changed places, the dataset's source is the target.
        threshold: box_frame_or(layout, ThresholdReference::TargetKeypointsPadded),
        remark: "This is CATs' evaluator with `--thres auto`.",
    },
};

/// NC-Net.
pub(crate) const NCNET: Definition = Definition {
    name: "ncnet",
    summary: "NC-Net's evaluator: TARGET keypoints are moved into the source; 224 frame, threshold from the frame, mean\n\
              over pairs",
    truths: &[TruthKind::Keypoints],
    by_default: false,
    exchanges: true,
    frame: |_| MeasureFrame::Stretched224,
    transfer: TransferRule::SubPixel,
    average: Average::Pairs,
    ties: Ties::Right,
    within: |_| Fit::Fits {
        threshold: ThresholdReference::FrameSide,
        remark: "This is NC-Net's evaluator by the procedure `scnet`.",
    },
};

/// DHPF.
pub(crate) const DHPF: Definition = Definition {
    name: "dhpf",
    summary: "DHPF's evaluator: 240 frame, threshold from the TARGET box (PF-PASCAL: the frame; PF-WILLOW: the target\n\
              keypoints and a padding point), mean over pairs",
    truths: &[TruthKind::Keypoints],
    by_default: false,
    exchanges: false,
    frame: |_| MeasureFrame::Stretched240,
    transfer: TransferRule::SubPixel,
    average: Average::Pairs,
    ties: Ties::Right,
    within: |layout| Fit::Fits {
        threshold: box_frame_or(layout, ThresholdReference::TargetKeypointsPadded),
        remark: "This is DHPF's evaluator with `--thres auto`.",
    },
};

/// CHM, and TransforMatcher, whose evaluator is the same.
pub(crate) const CHM: Definition = Definition {
    name: "chm",
    summary: "the evaluator of CHM and TransforMatcher: as dhpf, but for PF-WILLOW's padding point, (-2, -2)",
    within: |layout| Fit::Fits {
        threshold: box_frame_or(layout, ThresholdReference::TargetKeypointsPaddedTwice),
        remark: "This is the evaluator of CHM and of TransforMatcher with `--thres auto`.",
    },
    ..DHPF
};

/// SCOT.
pub(crate) const SCOT: Definition = Definition {
    name: "scot",
    summary: "SCOT's evaluator: the longer side scaled to 300, threshold from the TARGET box (PF-PASCAL: the frame;\n\
              PF-WILLOW: the target keypoints), mean over pairs",
    frame: |_| MeasureFrame::Scaled300,
    within: |layout| Fit::Fits {
        threshold: box_frame_or(layout, ThresholdReference::TargetKeypoints),
        remark: "This is SCOT's evaluator with `--thres auto`, for PF-WILLOW with `--thres bbox`.",
    },
    ..DHPF
};

/// MMNet.
pub(crate) const MMNET: Definition = Definition {
    name: "mmnet",
    summary: "MMNet's evaluator: 320 x 224 frame, threshold from the TARGET box (frame where there are no boxes, and\n\
              for PF-PASCAL), mean over pairs",
    frame: |_| MeasureFrame::Stretched320x224,
    within: |layout| Fit::Fits {
        threshold: box_or_frame(layout),
        remark: "This is MMNet's evaluator, which has no loader for PF-WILLOW: there its rule for PF-PASCAL is used.",
    },
    ..DHPF
};

/// The target's box; for PF-PASCAL the frame, and where there are no boxes, what stands in for them.
fn box_frame_or(layout: Layout, stand_in: ThresholdReference) -> ThresholdReference {
    match (layout.name(), layout.annotations().object_boxes) {
        ("pf-pascal", _) => ThresholdReference::FrameSide,
        (_, true) => ThresholdReference::TargetBox,
        (_, false) => stand_in,
    }
}

/// The target's box; where there are none, and for PF-PASCAL, the frame.
fn box_or_frame(layout: Layout) -> ThresholdReference {
    box_frame_or(layout, ThresholdReference::FrameSide)
}
