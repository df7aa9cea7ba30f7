//! Matchers: the features of two photos become a flow, or a correlation that moves points by itself.
//!
//! A further matcher is one new file beside this one and one line in [`crate::model::architecture`].

pub(crate) mod actr;
mod alike;
mod boxes;
pub(crate) mod cats;
pub(crate) mod chm;
pub(crate) mod consensus;
pub(crate) mod cosine;
pub(crate) mod dhpf;
mod hough;
pub(crate) mod identity;
pub(crate) mod lpmflow;
pub(crate) mod mmnet;
mod mutual;
pub(crate) mod ncnet;
mod near_best;
mod near_cells;
pub(crate) mod nearest;
pub(crate) mod parts;
pub(crate) mod scot;
#[cfg(test)]
pub(crate) mod test_fields;
#[cfg(test)]
pub(crate) mod toy;
pub(crate) mod transformatcher;
mod whole_pixels;
pub(crate) mod windowed;

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use tch::Tensor;

use crate::flow::{Flow, PointTransfer};
use crate::geometry::{Point, Size};
use crate::model::cost::StageCost;
use crate::model::features::{Features, LevelShape, deepest};
use crate::model::matcher::cosine::{cosines, pooled};
use crate::model::matcher::parts::Parts;
use crate::model::part::{Chosen, Settings};
use crate::model::quality::Quality;
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;
use lpmflow::config::Ablation;

/// Most rows and columns of a grid of features, where every cell of one photo is compared with every cell of the
/// other at once: a map of 64^4 values takes 64 MiB.
pub(crate) const LARGEST_GRID: i64 = 64;

/// What cosines less 1 are divided by where nothing but features says how well cells match: those of DINOv2 and its
/// like then fall to a tenth within the width of a part.
const SHARPNESS: f64 = 0.05;

/// What is known of a matcher from its settings.
pub(crate) trait MatcherConfig: Settings {
    /// Which of the levels that a backbone offers the matcher reads, the deepest last.
    ///
    /// # Errors
    /// When the backbone does not offer what the matcher needs.
    fn wanted(&self, offered: &[LevelShape]) -> Result<Vec<LevelShape>> {
        Ok(offered.last().cloned().into_iter().collect())
    }

    /// The same matcher for a backbone of these levels that does not have all that it reads; none where it can read its own,
    /// or there is no telling which to read instead.
    fn on_levels(&self, _offered: &[LevelShape]) -> Option<Chosen<dyn MatcherConfig>> {
        None
    }

    /// Whether the matcher can work on features of these forms.
    ///
    /// # Errors
    /// When a size or constant makes no sense or does not fit the features.
    fn check(&self, _levels: &[LevelShape]) -> Result<()> {
        Ok(())
    }

    /// Most rows and columns of the features that it can work on.
    fn largest_grid(&self) -> i64 {
        LARGEST_GRID
    }

    /// Whether it takes features of frames that are no square.
    fn takes_any_shape(&self) -> bool {
        false
    }

    /// Rows and columns of the flow: those of the deepest features, unless the matcher has its own.
    fn flow_side(&self, levels: &[LevelShape]) -> i64 {
        deepest(levels).columns
    }

    /// Half the width of the window in which a keypoint teaches a cell of the flow where it goes, in parts of the
    /// frame's side: 17 of 512 pixels, as the authors of LPMFlow and ACTR have it.
    fn keypoint_reach(&self) -> f64 {
        17.0 / 512.0
    }

    /// The arithmetic of a pair of photos, part by part in the order of the forward pass.
    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost>;

    /// The name of what is minimised when a model with this matcher is trained; none where nothing can be.
    fn objective(&self) -> Option<&'static str> {
        None
    }

    /// Whether the matcher has parameters of its own.
    fn has_parameters(&self) -> bool {
        false
    }

    /// Whether the matcher does the same whatever the photos show, so that it can be written down as a graph.
    fn is_traceable(&self) -> bool {
        true
    }

    /// The same with more or less work for each pair.
    ///
    /// # Errors
    /// When there is but one quality.
    fn with_quality(&self, _quality: Quality) -> Result<Chosen<dyn MatcherConfig>> {
        bail!(
            "the matcher of these weights, {}, has but one quality: leave --quality out",
            self.kind()
        )
    }

    /// How often it looks at both photos.
    fn looks(&self) -> i64 {
        1
    }

    /// Whether the matcher says how likely each match is right.
    fn is_calibrated(&self) -> bool {
        false
    }

    /// The matcher as it is trained, with parts left out.
    ///
    /// # Errors
    /// When it does not learn, or has no such parts.
    fn to_train(&self, ablations: &[Ablation]) -> Result<Chosen<dyn MatcherConfig>> {
        ensure!(
            ablations.is_empty(),
            "the parts that can be left out are the paper's: choose base or tiny, or no --ablate"
        );
        if self.objective().is_none() {
            bail!(
                "the model has no matcher that learns: choose actr, base, cats, chm, lite, ncnet, tiny or transformatcher"
            )
        }
        Ok(self.complete())
    }

    /// The matcher with no part left out: two matchers are of one size if these are equal.
    fn complete(&self) -> Chosen<dyn MatcherConfig>;

    /// Builds the matcher's parameters below the model's root `path`, for features of these forms.
    fn build(&self, path: &VarBuilder, levels: &[LevelShape]) -> Box<dyn Matcher>;

    /// Whether published files hold a tensor of this name, though the matcher never reads it.
    fn is_unused(&self, _name: &str) -> bool {
        false
    }
}

/// A matcher with its parameters.
pub(crate) trait Matcher: Any + Debug + Send {
    /// What corresponds, from source to target.
    fn forward(&self, source: &Features, target: &Features) -> Matching;

    /// The same, and how likely each match is right, of matchers that can say.
    fn forward_with_confidence(&self, source: &Features, target: &Features) -> Matching {
        self.forward(source, target)
    }

    /// How well each cell of a square grid of the source matches each of the target, `[B, S, T]`: above 0, of any
    /// scale. It is what is shown of where else a point could lie, so that the grids need not be fine.
    fn scores(&self, source: &Features, target: &Features) -> Tensor {
        ((cosines(&pooled(source), &pooled(target)) - 1.0) / SHARPNESS).exp_()
    }

    /// How it looks once more, closer, of matchers that do.
    fn closer_look(&self) -> Option<&dyn CloserLook> {
        None
    }

    /// How points move by what was found of one pair; none where the flow moves them as it moves everything.
    fn point_transfer(&self, _found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        None
    }

    /// Where points of the source's frame lie in the target's by the matcher's own rule, as training has it, such that
    /// gradients flow to the flow; none of matchers whose rule cannot be trained by.
    ///
    /// # Shapes
    /// `flow` `[2, G, G]`, `points` `[K, 2]` in parts of the frame, result as the points.
    fn moved_points(&self, _flow: &Tensor, _points: &Tensor) -> Option<Tensor> {
        None
    }

    /// As [`Matcher::forward`] in training: parts that an objective looks into come along. `masked_ranks`
    /// `[B, M]` says which of the ranked candidates to mask in each sample (see [`Matcher::masking`]).
    fn forward_train<'a>(
        &'a self,
        source: &Features,
        target: &Features,
        _masked_ranks: Option<&Tensor>,
        _recompute: &Recompute<'a>,
    ) -> TrainOutput {
        TrainOutput { flow: self.forward(source, target).flow, masked: None }
    }

    /// How many of how many ranked candidates training masks; none without masking.
    fn masking(&self) -> Option<Masking> {
        None
    }

    /// As a matcher that does nothing but compare features; none where it does more.
    fn as_comparing(&self) -> Option<&dyn Comparing> {
        None
    }

    /// For an objective that looks into a matcher it knows.
    fn as_any(&self) -> &dyn Any;
}

/// A matcher that compares features: training can make those of corresponding points alike.
pub(crate) trait Comparing {
    /// Vectors whose scalar products say how alike features `[..., D]` are, in float32.
    fn descriptors(&self, features: &Tensor) -> Tensor;
}

/// Of matchers that look at both photos twice.
pub(crate) trait CloserLook {
    /// Where to look, for each pair of a batch that it is worth it for.
    fn parts(&self, found: &Matching) -> Vec<Option<Parts>>;

    /// What is known after looking at those parts, of which `near` are the features of sources and targets, one pair
    /// after another; none where nothing is worth it.
    fn look(
        &self,
        found: &Matching,
        parts: &[Option<Parts>],
        near: Option<[Features; 2]>,
    ) -> Matching;
}

/// What was found of one pair, for a rule that moves its points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PairFound<'a> {
    /// The flow, in its own pixels.
    pub flow: &'a Flow,
    /// Of matchers that give one, the correlation: `[S, T]` in float32 on the CPU.
    pub correlation: Option<&'a Tensor>,
    /// The source photo, a batch of one.
    pub source: &'a Features,
    /// The target photo, likewise.
    pub target: &'a Features,
    /// Both frames, in pixels.
    pub frames: [Size; 2],
    /// Where the source photo ends in the square: its lower right corner, in parts of the side.
    pub end: Point,
}

/// What a matcher says of a batch of pairs.
#[derive(Debug)]
pub(crate) struct Matching {
    /// `[B, 2, H, W]` on the source grid, in pixels of that grid (see [`crate::flow::Flow`]).
    pub flow: Tensor,
    /// `[B, S, T]`, of matchers that move points by it.
    pub correlation: Option<Tensor>,
    /// `[B, H, W]`, how likely each match is right, if that was wanted and the matcher can say.
    pub confidence: Option<Tensor>,
    /// `[B, S]`, how much each cell of the source is worth a closer look, of matchers that take one.
    pub focus: Option<Tensor>,
}

impl From<Tensor> for Matching {
    fn from(flow: Tensor) -> Self {
        Self { flow, correlation: None, confidence: None, focus: None }
    }
}

/// What training needs of a matcher's forward pass.
#[derive(Debug)]
pub(crate) struct TrainOutput {
    /// `[B, 2, H, W]`.
    pub flow: Tensor,
    /// The masked tokens; none without masking.
    pub masked: Option<MaskedTokens>,
}

/// Tokens of the source of which some are masked.
#[derive(Debug)]
pub(crate) struct MaskedTokens {
    /// All of them as the matcher has encoded them, `[B, N, D]`.
    pub tokens: Tensor,
    /// Indices of the masked ones (class token = 0), `[B, M]`.
    pub indices: Tensor,
}

/// How many tokens are masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Masking {
    /// Ranked candidates.
    pub candidates: i64,
    /// Those of them that are masked.
    pub chosen: i64,
}
