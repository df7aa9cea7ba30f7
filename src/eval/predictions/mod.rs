//! Predicted keypoints: of this tool's flows, or stored as JSON lines by any system ([`mod@file`]).

pub(crate) mod convention;
pub(crate) mod file;
mod finder;

use std::path::Path;

use anyhow::Result;

use crate::data::Pair;
use crate::eval::dense::Dense;
use crate::eval::protocol::Protocol;
use crate::eval::protocol::rules::{MeasureFrame, TransferRule};
use crate::eval::transfer::{
    moved_sub_pixel, transfer_by_paper, transfer_by_patch, transfer_sub_pixel,
};
use crate::flow::{Flow, Matched};
use crate::geometry::{Point, Size};
pub(crate) use file::{Stored, read, write};

/// Where the source keypoints of one pair are predicted to lie in the target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prediction {
    /// The pair's `index`.
    pub pair: usize,
    /// In original target pixels.
    pub points: Vec<Point>,
    /// In the target's 512 frame, moved by the authors' rule; `None` when only `points` are known.
    pub paper_points: Option<Vec<Point>>,
    /// In the target's 840 frame, moved from patch centres; `None` when only `points` are known.
    pub patch_points: Option<Vec<Point>>,
    /// What was measured, of a pair that is measured by more than keypoints.
    pub dense: Option<Dense>,
}

impl Prediction {
    /// Points in original target pixels, and nothing else.
    pub(crate) fn new(pair: usize, points: Vec<Point>) -> Self {
        Self { pair, points, paper_points: None, patch_points: None, dense: None }
    }

    /// The keypoints of `pair` moved by what a matcher found, from patch centres too if a protocol wants that.
    ///
    /// # Errors
    /// When what the pair is measured by cannot be read.
    pub(crate) fn of(pair: &Pair, matched: &Matched, protocols: &[Protocol]) -> Result<Self> {
        let wants = |protocol: &Protocol| protocol.transfer == TransferRule::PatchCentre;
        let wants_patches = protocols.iter().any(wants);
        Ok(Self {
            pair: pair.index,
            points: transfer_sub_pixel(pair, matched),
            paper_points: Some(transfer_by_paper(pair, matched)),
            patch_points: wants_patches.then(|| transfer_by_patch(pair, matched)),
            dense: Dense::new(pair, |pixel| moved_sub_pixel(pair, matched, pixel))?,
        })
    }

    /// Every point stays in the same part of the photo.
    ///
    /// # Errors
    /// As [`Prediction::of`].
    pub(crate) fn unmoved(pair: &Pair, protocols: &[Protocol]) -> Result<Self> {
        Self::of(pair, &Flow::zero(Size::square(1)).into(), protocols)
    }

    /// The points moved by the rule of a frame, if they are known.
    pub(crate) fn framed(&self, frame: MeasureFrame) -> Option<&[Point]> {
        match frame {
            MeasureFrame::Paper512 => self.paper_points.as_deref(),
            MeasureFrame::Padded840 => self.patch_points.as_deref(),
            MeasureFrame::TargetOriginal | MeasureFrame::Stretched770 | MeasureFrame::Padded770 => {
                None
            }
        }
    }
}

/// An image's name in reports and prediction files: the file and the folder it lies in, which the
/// benchmarks use for the category.
pub(crate) fn image_name(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}

/// A pair in messages.
pub(crate) fn pair_label(pair: &Pair) -> String {
    let (source, target) = (image_name(&pair.source.path), image_name(&pair.target.path));
    format!("pair {} (`{source}` -> `{target}`)", pair.index)
}
