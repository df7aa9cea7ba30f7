//! Datasets and photos as plain numbers: what a pair of annotated photos is, where it comes from, and
//! how a photo is decoded and stretched.
//!
//! No tensors here, so that rayon workers can share everything.

pub(crate) mod catalog;
pub(crate) mod completeness;
pub(crate) mod flo;
pub(crate) mod formats;
pub(crate) mod inspect;
pub(crate) mod layouts;
pub(crate) mod leaks;
mod likeness;
pub(crate) mod lists;
pub(crate) mod load;
pub(crate) mod locate;
mod naming;
pub(crate) mod outline;
pub(crate) mod parts;
pub(crate) mod photo;
pub(crate) mod problem;
pub(crate) mod settings_file;
pub(crate) mod truth;

use std::mem;
use std::path::PathBuf;

use crate::data::parts::Part;
use crate::data::truth::Truth;
use crate::geometry::{BoundingBox, Point, Size};

/// One photo of a pair with what is annotated on it, in its original pixels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AnnotatedImage {
    /// The image file.
    pub path: PathBuf,
    /// The image's size in pixels.
    pub size: Size,
    /// The keypoints that are labelled in BOTH photos of the pair; index `i` is the same part in both. What they are
    /// of a pair that is measured by something else says its [`Truth`].
    pub keypoints: Vec<Point>,
    /// The object's box, where the dataset has one.
    pub bounding_box: Option<BoundingBox>,
}

/// Two photos of one category with their common keypoints.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    /// Position in the split's list, from 0.
    pub index: usize,
    /// The object category both photos show.
    pub category: String,
    /// Where keypoints are transferred from.
    pub source: AnnotatedImage,
    /// Where they are transferred to.
    pub target: AnnotatedImage,
    /// What each keypoint is, one for each; none where the dataset does not say.
    pub parts: Vec<Part>,
    /// How hard the pair is, where the dataset says (SPair-71k).
    pub difficulty: Option<Difficulty>,
    /// Both photos are to be mirrored (the flip column of PF-PASCAL's training list).
    pub mirrored: bool,
    /// What it is measured by.
    pub truth: Truth,
}

impl Pair {
    /// Has source and target change places.
    pub(crate) fn exchange(&mut self) {
        mem::swap(&mut self.source, &mut self.target);
    }

    /// How many points it is measured by.
    pub(crate) fn points(&self) -> usize {
        match &self.truth {
            Truth::Keypoints => self.target.keypoints.len(),
            Truth::Flow(flow) => flow.pixels,
            Truth::Outlines => self.source.size.area(),
        }
    }
}

/// SPair-71k's four difficulty grades of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difficulty {
    /// Change of viewpoint: 0 easy, 1 medium, 2 hard.
    pub viewpoint: u8,
    /// Change of scale: 0 easy, 1 medium, 2 hard.
    pub scale: u8,
    /// Truncation: 0 none, 1 source, 2 target, 3 both.
    pub truncation: u8,
    /// Occlusion: 0 none, 1 source, 2 target, 3 both.
    pub occlusion: u8,
}
