//! Distances at every pixel of a true flow, measured while what was found is at hand: neither flow is kept.

use std::sync::Arc;

use anyhow::Result;
use rayon::prelude::*;

use crate::data::Pair;
use crate::data::truth::Truth;
use crate::geometry::Point;

/// How far the matches of all pixels of a pair's true flow lie from where it leads, in pixels of the target; `None`
/// of a pair that is measured by keypoints. `matched` says where a pixel's match lies.
///
/// # Errors
/// When the true flow cannot be read.
pub(crate) fn distances(
    pair: &Pair,
    matched: impl Fn(Point) -> Point + Sync,
) -> Result<Option<Arc<[f64]>>> {
    match &pair.truth {
        Truth::Keypoints => Ok(None),
        Truth::Flow(flow) => {
            let distance = |(pixel, truth): &(Point, Point)| matched(*pixel).distance(*truth);
            let distances: Vec<f64> = flow.points()?.par_iter().map(distance).collect();
            Ok(Some(distances.into()))
        }
    }
}
