//! What is measured at every pixel, while what was found is at hand: no flow is kept.

use std::sync::Arc;

use anyhow::{Context, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::Pair;
use crate::data::outline::Mask;
use crate::data::truth::Truth;
use crate::eval::areas::Areas;
use crate::geometry::Point;

/// What was measured of a pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Dense {
    /// How far each pixel's match lies from where the true flow leads, in original target pixels.
    Distances(Arc<[f64]>),
    /// How much of the object its match covers.
    Areas(Areas),
}

impl Dense {
    /// Measures the matches of a pair's pixels, of which `matched` says where they lie; `None` of a pair that is
    /// measured by keypoints.
    ///
    /// # Errors
    /// When the true flow cannot be read, or an outline encloses nothing.
    pub(crate) fn new(
        pair: &Pair,
        matched: impl Fn(Point) -> Point + Sync,
    ) -> Result<Option<Self>> {
        Ok(match &pair.truth {
            Truth::Keypoints => None,
            Truth::Flow(flow) => {
                let distance = |(pixel, truth): &(Point, Point)| matched(*pixel).distance(*truth);
                let distances: Vec<f64> = flow.points()?.par_iter().map(distance).collect();
                Some(Self::Distances(distances.into()))
            }
            Truth::Outlines => {
                let [source, target] = [&pair.source, &pair.target]
                    .map(|image| Mask::of(&image.keypoints, image.size));
                let areas = Areas::new(&source, &target, matched);
                Some(Self::Areas(areas.context("an outline encloses no pixel")?))
            }
        })
    }
}
