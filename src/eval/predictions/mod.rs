//! Predicted keypoints: of this tool's flows, or stored as JSON lines by any system ([`mod@file`]).

pub(crate) mod convention;
pub(crate) mod file;
mod finder;
mod record;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::data::Pair;
use crate::eval::dense::Dense;
use crate::eval::protocol::Protocol;
use crate::eval::protocol::rules::{MeasureFrame, TransferRule};
use crate::eval::transfer::{
    confidence_sub_pixel, moved_sub_pixel, transfer_by_patch, transfer_sub_pixel,
    transfer_truncated,
};
use crate::flow::{Flow, Matched};
use crate::geometry::{Point, Size};
pub(crate) use file::{Stored, read, write};

/// Where the source keypoints of one pair are predicted to lie in the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Prediction {
    /// The pair's `index`.
    pub pair: usize,
    /// In original target pixels.
    pub points: Vec<Point>,
    /// In the target's frames that have a rule of their own, moved by that, as far as they are known.
    pub framed: BTreeMap<MeasureFrame, Vec<Point>>,
    /// How sure each point is, 0 to 1, where the matcher says so or the file does; of points that were not found it may
    /// say nothing.
    pub confidence: Option<Vec<Option<f64>>>,
    /// What was measured, of a pair that is measured by more than keypoints.
    pub dense: Option<Dense>,
}

impl Prediction {
    /// Points in original target pixels, and nothing else.
    pub(crate) fn new(pair: usize, points: Vec<Point>) -> Self {
        Self { pair, points, framed: BTreeMap::new(), confidence: None, dense: None }
    }

    /// The keypoints of `pair` moved by what a matcher found; also by the rules of the 512 frame, and of the frames of
    /// these protocols.
    ///
    /// # Errors
    /// When what the pair is measured by cannot be read.
    pub(crate) fn of(pair: &Pair, matched: &Matched, protocols: &[Protocol]) -> Result<Self> {
        let usual = (MeasureFrame::Paper512, TransferRule::Truncated);
        let wanted = protocols.iter().map(|protocol| (protocol.frame, protocol.transfer));
        let framed = wanted.chain([usual]).filter_map(|(frame, rule)| match rule {
            TransferRule::Truncated => Some((frame, transfer_truncated(pair, frame, matched))),
            TransferRule::PatchCentre => Some((frame, transfer_by_patch(pair, matched))),
            _ => None,
        });
        Ok(Self {
            pair: pair.index,
            points: transfer_sub_pixel(pair, matched),
            framed: framed.collect(),
            confidence: confidence_sub_pixel(pair, matched)
                .map(|values| values.into_iter().map(Some).collect()),
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

    /// How many points were not found: they count as wrong.
    pub(crate) fn not_found(&self) -> usize {
        self.points.iter().filter(|point| !point.is_finite()).count()
    }

    /// The points moved by the rule of a frame, if they are known.
    pub(crate) fn framed(&self, frame: MeasureFrame) -> Option<&[Point]> {
        self.framed.get(&frame).map(Vec::as_slice)
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
