//! PCK of one pair, with the threshold convention `standard`: original target pixels, `<=`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::geometry::{BoundingBox, Point};
use crate::pck;

/// The usual parts of the threshold length.
const ALPHAS: [f64; 3] = [0.05, 0.1, 0.15];

/// The length that thresholds are parts of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Threshold {
    /// The longer side of the object's box in the target photo.
    TargetBox(BoundingBox),
    /// The longer side of the box around the target keypoints, where no box is annotated.
    TargetKeypoints(BoundingBox),
}

/// How many keypoints of a pair came close enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Score {
    /// What `side` is, in words.
    pub threshold: String,
    /// The length that each alpha is multiplied by, in target pixels.
    pub side: f64,
    /// Distance of each keypoint from the truth, in target pixels.
    pub distance: Vec<f64>,
    /// Percentage of the keypoints within `alpha * side`, by alpha.
    pub pck: BTreeMap<String, f64>,
}

impl Score {
    /// Compares positions; `None` without keypoints or where the threshold has no length.
    pub(crate) fn new(found: &[Point], truth: &[Point], threshold: Threshold) -> Option<Self> {
        let (name, bounds) = match threshold {
            Threshold::TargetBox(bounds) => ("longer side of the target box", bounds),
            Threshold::TargetKeypoints(bounds) => {
                ("longer side of the box around the target keypoints", bounds)
            }
        };
        let side = bounds.longer_side();
        if truth.is_empty() || side <= 0.0 {
            return None;
        }
        let distance: Vec<f64> =
            found.iter().zip(truth).map(|(found, truth)| found.distance(*truth)).collect();
        let pck = |alpha: f64| {
            pck::percent(pck::correct(&distance, alpha * side) as f64, distance.len() as f64)
        };
        let pck = ALPHAS.iter().map(|alpha| (alpha.to_string(), pck(*alpha))).collect();
        Some(Self { threshold: name.to_owned(), side, distance, pck })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_on_the_threshold_counts_as_correct() {
        let bounds = BoundingBox { x1: 0.0, y1: 0.0, x2: 20.0, y2: 10.0 };
        let found = [Point::new(1.0, 0.0), Point::new(0.0, 2.5), Point::new(9.0, 9.0)];
        let score =
            Score::new(&found, &[Point::default(); 3], Threshold::TargetBox(bounds)).unwrap();
        let third = 100.0 / 3.0;
        assert_eq!(score.pck.values().copied().collect::<Vec<_>>(), [third, third, 2.0 * third]);
        assert_eq!(score.distance[1], 2.5);
    }

    #[test]
    fn a_threshold_without_length_gives_no_score() {
        let around = BoundingBox::around(&[Point::new(4.0, 4.0)]).unwrap();
        let one = [Point::new(4.0, 4.0)];
        assert_eq!(Score::new(&one, &one, Threshold::TargetKeypoints(around)), None);
    }
}
