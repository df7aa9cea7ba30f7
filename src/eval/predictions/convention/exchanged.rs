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

/// How far from a source keypoint a point has hardly moved, as a part of the limit.
const HARDLY: f64 = 0.2;

/// The share of points that hardly move above which none of this says anything.
const MOST_UNMOVED: f64 = 0.5;

/// By how many pixels the same place differs between photos of different sizes, if it is to tell them apart.
const LEAST_DIFFERENCE: f64 = 2.0;

/// How sure that must be, in standard deviations.
const LEAST_SCORE: f64 = 5.0;

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
    let plain = |stored: &Prediction| Prediction { paper_points: None, ..stored.clone() };
    let fit = Fit::new(protocol, alpha, turned.iter().zip(predictions.iter().map(plain)))?;
    if !fit.is_far_better_than(given) {
        return Ok(None);
    }
    let mut moves = Moves::default();
    for ((pair, turned), stored) in pairs.iter().zip(&turned).zip(predictions) {
        let unmoved = &predict_identity(std::slice::from_ref(*pair))[0].points;
        let limit = protocol.measure(turned, &plain(stored))?.limit(alpha);
        for (index, point) in stored.points.iter().enumerate() {
            let (source, target) = (pair.source.keypoints[index], pair.target.keypoints[index]);
            let (to_source, to_unmoved) = (point.distance(source), point.distance(unmoved[index]));
            moves.found.push(to_source / limit);
            moves.expected.push(target.distance(unmoved[index]) / limit);
            moves.unmoved += usize::from(to_unmoved.min(to_source) <= HARDLY * limit);
            if source.distance(unmoved[index]) >= LEAST_DIFFERENCE {
                moves.sides.push(to_unmoved.total_cmp(&to_source));
            }
        }
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
    fn are_of_another_photo(self) -> bool {
        let by_size = score(self.sides.iter().copied()) >= LEAST_SCORE;
        let far = |moves: &[f64]| quantile(moves, 0.9);
        let by_errors = far(&self.found) >= far(&self.expected) / 2.0;
        let unmoved = self.unmoved as f64 / self.found.len().max(1) as f64;
        unmoved <= MOST_UNMOVED && (by_size || by_errors)
    }
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * share) as usize).copied().unwrap_or_default()
}
