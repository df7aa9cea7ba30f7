//! Keypoints in both photos: where the network finds them, and how right it is where that is known.

use serde::{Deserialize, Serialize};

use crate::geometry::Point;
use crate::predict::correspondence::Correspondence;
use crate::predict::keypoints::Keypoints;
use crate::predict::score::Score;

/// Keypoints with the positions that the network finds for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TransferredKeypoints {
    /// In the source photo, as given.
    pub source: Vec<Point>,
    /// In the target photo, in its pixels.
    pub target: Vec<Point>,
    /// 0 to 1, see [`super::confidence`].
    pub confidence: Vec<f64>,
    /// Where they truly lie in the target photo, where that is known.
    #[serde(skip)]
    pub truth: Option<Vec<Point>>,
    /// How they moved, of weights that have a rule of their own for points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// How right they are, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
}

impl TransferredKeypoints {
    /// Finds keypoints in the target photo.
    ///
    /// # Panics
    /// As [`Correspondence::confidence`].
    pub(crate) fn new(keypoints: &Keypoints, pair: &Correspondence) -> Self {
        let source = keypoints.source.clone();
        let target: Vec<Point> =
            source.iter().map(|point| rounded(pair.transfer(*point))).collect();
        let truth = keypoints.truth.as_ref();
        let score = truth.and_then(|truth| Score::new(&target, &truth.target, truth.threshold));
        let confidence = source.iter().map(|point| digits(pair.confidence(*point))).collect();
        let truth = truth.map(|truth| truth.target.clone());
        let rule = pair.point_rule().map(str::to_owned);
        Self { source, target, confidence, truth, rule, score }
    }
}

/// Four decimals: far below what a network can tell, and readable.
pub(crate) fn digits(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// As [`digits`], of both coordinates.
pub(crate) fn rounded(point: Point) -> Point {
    Point::new(digits(point.x), digits(point.y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Flow, Matched};
    use crate::geometry::Size;

    const ANNOTATION: &str = r#"{"trg_bndbox": [0, 0, 20, 5], "src_kps": [[0, 0], [19, 9]],
        "trg_kps": [[0.5, 0], [30, 9]]}"#;

    fn identity(source: Size, target: Size) -> Correspondence {
        let zero: Matched = Flow::zero(Size::square(8)).into();
        Correspondence::new(zero.clone(), Some(zero), [source, target])
    }

    #[test]
    fn annotated_pairs_are_scored_against_the_target_box() {
        let keypoints = Keypoints::parse(ANNOTATION).unwrap();
        let pair = identity(Size::new(10, 20), Size::new(10, 40));
        let moved = TransferredKeypoints::new(&keypoints, &pair);
        assert_eq!(moved.target, [Point::new(0.5, 0.0), Point::new(38.5, 9.0)]);
        assert_eq!(moved.confidence, [1.0, 1.0]);
        let score = moved.score.unwrap();
        assert_eq!(score.side, 20.0);
        assert_eq!(score.pck["0.1"], 50.0);
    }
}
