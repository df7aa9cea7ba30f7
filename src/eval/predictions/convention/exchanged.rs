//! Whether `source` and `target` are exchanged: the points then lie in the source photo, where its own keypoints
//! are, as do those of a system that hardly moves points. The two are told apart by the photos' sizes, and
//! by points that moved far to a wrong place, which the second does not do.

use std::cmp::Ordering;

use anyhow::Result;

use crate::data::Pair;
use crate::eval::predict_identity;
use crate::eval::predictions::Prediction;
use crate::eval::predictions::convention::fit::{Fit, score};
use crate::eval::protocol::Protocol;
use crate::geometry::Point;

/// How far from its place in the source keypoints' shape a point has hardly moved, as a part of the limit.
const HARDLY: f64 = 0.2;

/// The share of points that hardly move above which none of this says anything.
const MOST_UNMOVED: f64 = 0.5;

/// By how many pixels the same place differs between photos of different sizes, if it is to tell them apart.
const LEAST_DIFFERENCE: f64 = 2.0;

/// How sure that must be, in standard deviations, to decide; and not to be excluded.
const LEAST_SCORE: f64 = 5.0;
const LEAST_SCORE_LEFT_OPEN: f64 = -2.0;

/// How many times the middle one the large moves are of points that were matched, right and wrong ones; those of
/// points that were only shaken are twice as large.
const LEAST_TAIL: f64 = 2.5;

/// The fit to the source keypoints if it is far better than the `given` one, and no sign of points that hardly
/// move.
///
/// # Errors
/// When the protocol cannot measure a pair.
pub(super) fn exchanged(
    pairs: &[&Pair],
    predictions: &[Prediction],
    protocol: &Protocol,
    alpha: f64,
    given: &Fit,
) -> Result<Option<Fit>> {
    let turned: Vec<Pair> = pairs
        .iter()
        .map(|pair| Pair {
            source: pair.target.clone(),
            target: pair.source.clone(),
            ..(*pair).clone()
        })
        .collect();
    let plain = |stored: &Prediction| Prediction::new(stored.pair, stored.points.clone());
    let fit = Fit::new(protocol, alpha, turned.iter().zip(predictions.iter().map(plain)))?;
    if !fit.is_far_better_than(given) {
        return Ok(None);
    }
    let mut moves = Moves::default();
    for ((pair, turned), stored) in pairs.iter().zip(&turned).zip(predictions) {
        let unmoved = predict_identity(std::slice::from_ref(*pair), &[])?.remove(0).points;
        let limit = protocol.measure(turned, &plain(stored))?.limit(alpha);
        moves.add(pair, &stored.points, &unmoved, limit);
    }
    Ok(moves.are_of_another_photo().then_some(fit))
}

/// How far points lie from their source keypoints.
#[derive(Default)]
struct Moves {
    /// In units of the limit.
    found: Vec<f64>,
    /// The same of the annotated points.
    expected: Vec<f64>,
    /// How many points hardly moved.
    unmoved: usize,
    /// Whether a point is nearer to its source keypoint than to the same place of the target photo, where these
    /// differ.
    sides: Vec<Ordering>,
}

impl Moves {
    fn add(&mut self, pair: &Pair, points: &[Point], unmoved: &[Point], limit: f64) {
        let sources = &pair.source.keypoints;
        let still = [shape_differences(points, sources), shape_differences(points, unmoved)];
        for (index, point) in points.iter().enumerate() {
            let (source, same) = (sources[index], unmoved[index]);
            self.found.push(point.distance(source) / limit);
            self.expected.push(pair.target.keypoints[index].distance(same) / limit);
            let least = still.iter().map(|differences| differences[index]).fold(f64::MAX, f64::min);
            self.unmoved += usize::from(least <= HARDLY * limit);
            if source.distance(same) >= LEAST_DIFFERENCE {
                self.sides.push(point.distance(same).total_cmp(&point.distance(source)));
            }
        }
    }

    fn are_of_another_photo(self) -> bool {
        let sides = score(self.sides.iter().copied());
        let far = |moves: &[f64]| quantile(moves, 0.95);
        let by_errors =
            sides >= LEAST_SCORE_LEFT_OPEN && far(&self.found) >= far(&self.expected) / 2.0;
        let matched = far(&self.found) >= LEAST_TAIL * quantile(&self.found, 0.5);
        let unmoved = self.unmoved as f64 / self.found.len().max(1) as f64;
        unmoved <= MOST_UNMOVED && matched && (sides >= LEAST_SCORE || by_errors)
    }
}

/// How far each point is from its place in the others' shape, wherever that lies: a system that moves all points
/// alike hardly moves them.
fn shape_differences(points: &[Point], shape: &[Point]) -> Vec<f64> {
    let steps =
        || points.iter().zip(shape).map(|(point, other)| (point.x - other.x, point.y - other.y));
    let count = points.len().max(1) as f64;
    let (x, y) = steps().fold((0.0, 0.0), |(x, y), step| (x + step.0 / count, y + step.1 / count));
    steps().map(|step| f64::hypot(step.0 - x, step.1 - y)).collect()
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * share) as usize).copied().unwrap_or_default()
}
