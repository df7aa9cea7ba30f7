//! Keypoints drawn on photos: where they are, where they were predicted, and how far off that may be.

use std::sync::Arc;

use anyhow::{Context, Result};
use maud::{Markup, html};

use crate::data::Pair;
use crate::eval::column::Column;
use crate::eval::protocol::Protocol;
use crate::eval::report::PairReport;
use crate::eval::summary::{Evaluation, ProtocolScores};
use crate::geometry::{Point, Size};
use crate::pck;

/// What the marks mean.
pub(crate) fn legend() -> Markup {
    html! {
        ul.marks {
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { circle.right r="6" {} } "within the threshold" }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { path.wrong d="M-5 -5L5 5M-5 5L5 -5" {} } "outside" }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { (ring(Point::default(), 1.0)) }
                "target keypoint, dashed: its threshold" }
        }
    }
}

/// What is drawn on a pair's photos, in original pixels.
pub(crate) struct Marks {
    /// Which predictions are right.
    pub right: Vec<bool>,
    /// The pair's own PCK in percent.
    pub pck: f64,
    /// How many points it is measured by: of a flow more than are drawn.
    pub measured: usize,
    /// How many of them are right.
    pub correct: usize,
    predicted: Vec<Point>,
    /// Half axes of the region in which a prediction is right: a circle in the protocol's frame.
    limit: Point,
    /// Distance of each prediction and the allowed distance, in pixels of the protocol's frame.
    distances: Arc<[f64]>,
    allowed: f64,
}

impl Marks {
    /// The marks of the pair at a position of the evaluation, under its first protocol.
    ///
    /// # Errors
    /// When the points that are drawn cannot be measured.
    pub(super) fn new(evaluation: &Evaluation, position: usize, alpha: f64) -> Result<Self> {
        let ProtocolScores { protocol, measured, .. } = &evaluation.protocols[0];
        let (pair, measured) = (evaluation.pairs[position], &measured[position]);
        let prediction = &evaluation.predictions[position];
        let allowed = measured.limit(alpha);
        let placed = protocol.frame.placed(pair.target.size);
        let limit = Point::from(placed.scale.map(|scale| allowed / scale));
        let predicted = match prediction.framed(protocol.frame) {
            Some(points) => points.iter().map(|point| placed.original_from_frame(*point)).collect(),
            None => prediction.points.clone(),
        };
        let drawn = protocol.measure_keypoints(pair, prediction)?;
        Ok(Self {
            right: drawn.right(alpha).collect(),
            pck: measured.percent(Column::Pck(alpha)).unwrap_or_default(),
            measured: measured.distances.len(),
            correct: measured.correct(alpha),
            predicted,
            limit,
            distances: drawn.distances,
            allowed,
        })
    }

    /// The marks of a pair as a report has kept it.
    ///
    /// # Errors
    /// When the pair cannot be measured by the protocol, or the report has not kept its keypoints.
    pub(crate) fn kept(
        pair: &Pair,
        protocol: &Protocol,
        kept: &PairReport,
        alpha: f64,
    ) -> Result<Self> {
        let threshold = protocol.threshold(pair)?;
        let errors = kept.errors.get(&protocol.name);
        let errors = errors.filter(|errors| errors.len() == pair.target.keypoints.len());
        let errors = errors.context("the report does not hold this pair's keypoints")?;
        let errors: Vec<f64> = errors.iter().map(|error| error.unwrap_or(f64::INFINITY)).collect();
        let right: Vec<bool> = errors.iter().map(|error| *error <= alpha).collect();
        let (allowed, placed) = (threshold * alpha, protocol.frame.placed(pair.target.size));
        let correct = right.iter().filter(|right| **right).count();
        Ok(Self {
            pck: pck::percent(correct as f64, right.len() as f64),
            measured: right.len(),
            correct,
            right,
            predicted: kept.predicted.iter().map(|point| point.unwrap_or(Point::NOWHERE)).collect(),
            limit: Point::from(placed.scale.map(|scale| allowed / scale)),
            distances: errors.iter().map(|error| error * threshold).collect(),
            allowed,
        })
    }

    /// What is drawn on the source photo.
    pub(crate) fn on_source(&self, pair: &Pair) -> Markup {
        let unit = unit(pair.source.size);
        html! {
            @for (number, (point, right)) in pair.source.keypoints.iter().zip(&self.right).enumerate() {
                (mark(*point, *right, unit, &format!("keypoint {}", number + 1)))
            }
        }
    }

    /// What is drawn on the target photo.
    pub(crate) fn on_target(&self, pair: &Pair) -> Markup {
        let unit = unit(pair.target.size);
        html! {
            @for (index, (point, keypoint)) in self.predicted.iter().zip(&pair.target.keypoints).enumerate() {
                @let class = if self.right[index] { "right" } else { "wrong" };
                ellipse.limit cx=(number(keypoint.x)) cy=(number(keypoint.y))
                    rx=(number(self.limit.x)) ry=(number(self.limit.y)) {}
                @if point.is_finite() {
                    line class=(class) x1=(number(keypoint.x)) y1=(number(keypoint.y))
                        x2=(number(point.x)) y2=(number(point.y)) {}
                    (ring(*keypoint, unit))
                    (mark(*point, self.right[index], unit, &format!("keypoint {}: off by {:.1} px, {:.1} allowed",
                        index + 1, self.distances[index], self.allowed)))
                } @else {
                    (ring(*keypoint, unit))
                    (mark(*keypoint, false, unit, &format!("keypoint {}: not found", index + 1)))
                }
            }
        }
    }
}

/// Marks keep their size on the page whatever the photo's: a 100th of its longer side.
fn unit(image: Size) -> f64 {
    image.longer_side() as f64 / 420.0
}

fn ring(centre: Point, unit: f64) -> Markup {
    html! {
        circle.ring cx=(number(centre.x)) cy=(number(centre.y)) r=(number(5.5 * unit)) {}
    }
}

/// A dot where the prediction is right, a cross where it is wrong: told apart without colour too.
fn mark(centre: Point, right: bool, unit: f64, title: &str) -> Markup {
    let (x, y, arm) = (number(centre.x), number(centre.y), number(4.0 * unit));
    html! {
        @if right {
            circle.right cx=(x) cy=(y) r=(arm) { title { (title) } }
        } @else {
            g transform=(format!("translate({x} {y}) scale({})", number(unit))) {
                title { (title) }
                path.wrong.halo d="M-4 -4L4 4M-4 4L4 -4" {}
                path.wrong d="M-4 -4L4 4M-4 4L4 -4" {}
            }
        }
    }
}

/// Two decimals are enough on a page.
fn number(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::{evaluated, pairs_and_predictions};

    #[test]
    fn marks_follow_the_measured_distances() {
        let (pairs, predictions) = pairs_and_predictions(&[3]);
        let (evaluation, _) = evaluated(&pairs, &predictions);
        let marks = Marks::new(&evaluation, 0, 0.1).unwrap();
        assert_eq!(marks.right, [true, true, true, false]);
        assert_eq!(marks.limit, Point::new(5.0, 5.0));
        let drawn = marks.on_target(&pairs[0]).into_string();
        assert_eq!(drawn.matches("class=\"ring\"").count(), 4);
        assert_eq!(drawn.matches("class=\"wrong halo\"").count(), 1);
        assert!(drawn.contains("off by 125.9 px, 5.0 allowed"), "{drawn}");
    }
}
