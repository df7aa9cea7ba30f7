//! One training sample: two photos as the network reads them, and the flow between them as far as it is
//! known.

use crate::flow::Flow;
use crate::geometry::{BoundingBox, Point};
use crate::train::samples::planes::Planes;

/// A training sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Position in the dataset.
    pub index: usize,
    /// The photos it came from, for messages.
    pub name: String,
    /// The photo the flow starts in.
    pub source: Planes,
    /// The photo the flow points to.
    pub target: Planes,
    /// The flow on the network's grid, in its pixels.
    pub flow: Flow,
    /// Which cells of it are known, row by row.
    pub valid: Vec<bool>,
    /// Corresponding points, source and target, in the unit square.
    pub matches: Vec<(Point, Point)>,
    /// The boxes of both objects in the unit square, where they are known.
    pub objects: [Option<BoundingBox>; 2],
}
