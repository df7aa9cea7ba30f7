//! What a file of `predict` is made from.

use std::cell::OnceCell;

use crate::drawing::Drawing;
use crate::flow::Flow;
use crate::geometry::Size;
use crate::predict::annotation::Annotation;
use crate::predict::carrier::Carrier;
use crate::predict::correspondence::{Correspondence, Resolution};
use crate::predict::format::wheel::{self, FlowScale};
use crate::predict::limits::Limits;
use crate::predict::photo::Photo;
use crate::predict::transferred::TransferredKeypoints;
use crate::predict::verdict::Verdict;

/// What is known of a pair once the network has seen it. What takes long is computed when it is first asked
/// for.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// What the network found.
    pub pair: &'a Correspondence,
    /// The source photo; with its pixels where an output needs photos.
    pub source: &'a Photo,
    /// The target photo, likewise.
    pub target: &'a Photo,
    /// The grid that flows and confidences are written on.
    pub resolution: Resolution,
    /// Which matches count.
    pub limits: Limits,
    /// How pictures are drawn.
    pub drawing: Drawing,
    /// The transferred keypoints, if there were any to transfer.
    pub keypoints: Option<&'a TransferredKeypoints>,
    /// What is drawn on the source, if it is to be carried across.
    pub annotation: Option<&'a Annotation>,
    flow: OnceCell<Flow>,
    magnitude: OnceCell<f32>,
    confidence: OnceCell<Vec<f32>>,
    carrier: OnceCell<Option<Carrier<'a>>>,
    verdict: OnceCell<Option<Verdict>>,
}

/// What became of a file, beside its content.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Written {
    /// Pixels whose displacement the format cannot hold; they are marked invalid.
    pub invalid_pixels: usize,
    /// Pixels marked as having no match.
    pub unmatched_pixels: usize,
    /// Annotations of which nothing was found in the target.
    pub lost_annotations: usize,
    /// [`Context::magnitude`], if the file holds a flow.
    pub magnitude: Option<f32>,
    /// What full colours stand for, if the file is a picture of the flow.
    pub scale: Option<FlowScale>,
}

impl<'a> Context<'a> {
    /// Nothing is computed yet.
    pub(crate) fn new(
        pair: &'a Correspondence,
        [source, target]: [&'a Photo; 2],
        resolution: Resolution,
        keypoints: Option<&'a TransferredKeypoints>,
    ) -> Self {
        let (limits, drawing, flow, magnitude, confidence) = Default::default();
        let (annotation, carrier, verdict) = (None, OnceCell::new(), OnceCell::new());
        Self {
            pair,
            source,
            target,
            resolution,
            limits,
            drawing,
            keypoints,
            annotation,
            flow,
            magnitude,
            confidence,
            carrier,
            verdict,
        }
    }

    /// The same with something drawn on the source.
    pub(crate) fn with_annotation(self, annotation: Option<&'a Annotation>) -> Self {
        Self { annotation, ..self }
    }

    /// The same where the user said which matches count.
    pub(crate) fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same where the user said how pictures are drawn.
    pub(crate) fn with_drawing(self, drawing: Drawing) -> Self {
        Self { drawing, ..self }
    }

    /// The grid that flows and confidences are written on.
    pub(crate) fn grid(&self) -> Size {
        self.pair.grid(self.resolution)
    }

    /// The flow on that grid, in its pixels.
    pub(crate) fn flow(&self) -> &Flow {
        self.flow.get_or_init(|| self.pair.flow(self.resolution))
    }

    /// The displacement that 99 % of the flow's pixels stay below.
    pub(crate) fn magnitude(&self) -> f32 {
        *self.magnitude.get_or_init(|| wheel::magnitude(self.flow()))
    }

    /// The confidence at each of the grid's pixels, row by row.
    ///
    /// # Panics
    /// As [`Correspondence::confidence`].
    pub(crate) fn confidence(&self) -> &[f32] {
        self.confidence.get_or_init(|| self.pair.confidence_map(self.resolution))
    }

    /// What carries across what is drawn on the source; none without the way back.
    pub(crate) fn carrier(&self) -> Option<&Carrier<'a>> {
        self.carrier.get_or_init(|| Carrier::new(self.pair, self.limits.carried())).as_ref()
    }

    /// Whether the photos correspond at all; none where there is no confidence to go by.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        *self.verdict.get_or_init(|| Verdict::new(self.pair))
    }

    /// Whether no match is to be relied on, as far as is known.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.verdict().is_some_and(Verdict::is_doubtful)
    }

    /// Which of the grid's pixels have a match of at least a confidence, row by row.
    ///
    /// # Panics
    /// As [`Correspondence::confidence`].
    pub(crate) fn matched(&self, least: f64) -> Vec<bool> {
        self.confidence().iter().map(|confidence| f64::from(*confidence) >= least).collect()
    }
}
