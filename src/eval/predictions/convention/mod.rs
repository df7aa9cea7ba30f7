//! Whether stored predictions seem to be written in another convention than the one they are scored by.
//!
//! Nothing is ever changed: what is implausible is said, and a reading that fits far better is named. A weak
//! system, or one that moves no point, is no fault of convention: a reading must fit far better in most pairs,
//! and its points must be spread as widely as keypoints are.

mod exchanged;
mod fit;
mod reading;
#[cfg(test)]
mod tests;

use anyhow::Result;
use rayon::prelude::*;

use crate::data::Pair;
use crate::eval::predictions::Prediction;
use crate::eval::protocol::Protocol;
use crate::geometry::{Point, Size};
use exchanged::exchanged;
use fit::Fit;
use reading::{Reading, Unit};

/// The alpha that fits are judged by, whatever is scored.
const ALPHA: f64 = 0.1;

/// Shares of the points above which something about all of them is said.
const MANY_OUTSIDE: f64 = 0.25;
const NEARLY_ALL: f64 = 0.98;

/// How much wider or narrower than the keypoints' the spread of points may be that mean something.
const MOST_SPREAD: f64 = 4.0;

/// By how many points of PCK a reading must beat a simpler one.
const SIMPLER: f64 = 2.0;

/// What is implausible about the predictions, and the reading that fits far better if there is one, a sentence
/// each; `pairs` and `predictions` in the same order. Points that were not found have no part in it.
///
/// # Errors
/// When the protocol cannot measure a pair.
pub(crate) fn doubts(
    pairs: &[&Pair],
    predictions: &[Prediction],
    protocol: &Protocol,
) -> Result<Vec<String>> {
    if predictions.iter().all(|stored| stored.not_found() == 0) {
        return doubts_of_found(pairs, predictions, protocol);
    }
    let both = pairs.iter().zip(predictions);
    let (pairs, predictions): (Vec<Pair>, Vec<Prediction>) =
        both.filter_map(|(pair, stored)| found(pair, stored)).unzip();
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    doubts_of_found(&pairs.iter().collect::<Vec<_>>(), &predictions, protocol)
}

/// A pair with those keypoints alone that were found, if any were.
fn found(pair: &Pair, stored: &Prediction) -> Option<(Pair, Prediction)> {
    let kept = |points: &[Point]| -> Vec<Point> {
        let both = points.iter().zip(&stored.points);
        both.filter(|(_, found)| found.is_finite()).map(|(point, _)| *point).collect()
    };
    let mut pair = pair.clone();
    for image in [&mut pair.source, &mut pair.target] {
        image.keypoints = kept(&image.keypoints);
    }
    let points = kept(&stored.points);
    (!points.is_empty()).then(|| (pair, Prediction::new(stored.pair, points)))
}

fn doubts_of_found(
    pairs: &[&Pair],
    predictions: &[Prediction],
    protocol: &Protocol,
) -> Result<Vec<String>> {
    let fit = |reading: Reading| {
        let both = pairs.iter().zip(predictions);
        Fit::new(protocol, ALPHA, both.map(|(pair, stored)| (*pair, reading.of(pair, stored))))
    };
    let given = fit(Reading::GIVEN)?;
    let name = format!("`{}` PCK@{} over keypoints", protocol.name, ALPHA);
    let would = |reading: &str, fit: &Fit| {
        format!(
            "read as {reading}, they would score {:.1} instead of {:.1} ({name}); nothing was changed",
            fit.pck(),
            given.pck()
        )
    };
    let mut doubts = implausible(pairs, predictions);
    let plausible: Vec<Reading> = Reading::others()
        .into_iter()
        .filter(|reading| is_spread_like_keypoints(pairs, predictions, *reading))
        .collect();
    let fits = plausible
        .into_par_iter()
        .map(|reading| Ok((reading, fit(reading)?)))
        .collect::<Result<Vec<(Reading, Fit)>>>()?;
    let better: Vec<&(Reading, Fit)> =
        fits.iter().filter(|(_, fit)| fit.is_far_better_than(&given)).collect();
    let turned = exchanged(pairs, predictions, protocol, ALPHA, &given)?;
    let is_best =
        |fit: &Fit| !turned.as_ref().is_some_and(|other| other.pck() > fit.pck() + SIMPLER);
    if let Some((reading, fit)) = best(&better).filter(|(_, fit)| is_best(fit)) {
        doubts.push(would(&reading.to_string(), fit));
    } else if let Some(fit) = &turned {
        doubts.push(would(
            "positions in the SOURCE photo (`source` and `target` exchanged), unless the system hardly moves \
             points",
            fit,
        ));
    } else if counts_from_one(pairs, predictions) {
        doubts.push(
            "in the median the points lie one pixel to the right of and one below the annotated ones: they may \
             count from 1, where they should from 0; nothing was changed"
                .to_owned(),
        );
    } else if doubts.is_empty() {
        let still = pairs.iter().map(|pair| Ok((*pair, Prediction::unmoved(pair, &[])?)));
        let still = still.collect::<Result<Vec<(&Pair, Prediction)>>>()?;
        let still = Fit::new(protocol, ALPHA, still.into_iter())?;
        if still.is_surely_better_than(&given) {
            doubts.push(format!(
                "they score {:.1}, and points that stay where they are would score {:.1} ({name}): they may be of \
                 other pairs or keypoints, or count in another way",
                given.pck(),
                still.pck()
            ));
        }
    }
    Ok(doubts)
}

/// The reading that fits best, the simpler one if it is nearly as good.
fn best<'a>(fits: &[&'a (Reading, Fit)]) -> Option<&'a (Reading, Fit)> {
    let best = |departures: usize| {
        let fits = fits.iter().filter(|(reading, _)| reading.departures() == departures);
        fits.min_by(|(_, one), (_, other)| one.loss.total_cmp(&other.loss)).copied()
    };
    match (best(1), best(2)) {
        (Some(simple), Some(double)) if double.1.pck() > simple.1.pck() + SIMPLER => Some(double),
        (None, double) => double,
        (simple, _) => simple,
    }
}

/// What cannot be of positions in the target photos, whatever they mean.
fn implausible(pairs: &[&Pair], predictions: &[Prediction]) -> Vec<String> {
    let points = || {
        let of_pair = |(pair, stored): (&&Pair, &Prediction)| {
            let size = pair.target.size;
            stored.points.iter().map(move |point| (*point, size)).collect::<Vec<_>>()
        };
        pairs.iter().zip(predictions).flat_map(of_pair)
    };
    let share = |is: &dyn Fn(Point, f64, f64) -> bool| {
        let is = |(point, size): &(Point, Size)| is(*point, size.width as f64, size.height as f64);
        points().filter(is).count() as f64 / points().count().max(1) as f64
    };
    let tiny = |point: Point, _, _| point.x.abs() <= 1.01 && point.y.abs() <= 1.01;
    if share(&tiny) >= NEARLY_ALL {
        return vec![
            "nearly all points lie within one pixel of the target's upper left corner".into(),
        ];
    }
    let outside = |point: Point, width: f64, height: f64| {
        !(-1.0..=width).contains(&point.x) || !(-1.0..=height).contains(&point.y)
    };
    let outside = share(&outside);
    let sentence = format!("{:.0} % of the points lie outside their target photo", 100.0 * outside);
    (outside >= MANY_OUTSIDE).then_some(sentence).into_iter().collect()
}

/// Whether the points of a pair lie about as far from one another as its keypoints: all in one place mean
/// nothing, however they are read.
fn is_spread_like_keypoints(pairs: &[&Pair], predictions: &[Prediction], reading: Reading) -> bool {
    let (mut found, mut expected) = (0.0, 0.0);
    for (pair, stored) in pairs.iter().zip(predictions) {
        let scale = pair.target.size.longer_side() as f64;
        // A displacement is spread as its source keypoints are, whatever it says.
        let read = match reading.unit {
            Unit::Displacement => Reading { unit: Unit::Pixels, ..reading }.of(pair, stored),
            _ => reading.of(pair, stored),
        };
        found += spread(&read.points) / scale;
        expected += spread(&pair.target.keypoints) / scale;
    }
    let least = match reading.unit {
        Unit::Displacement => expected / (4.0 * MOST_SPREAD),
        _ => expected / MOST_SPREAD,
    };
    (least..=expected * MOST_SPREAD).contains(&found)
}

/// Root mean squared distance from the middle.
fn spread(points: &[Point]) -> f64 {
    let count = points.len().max(1) as f64;
    let middle = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (middle(|point| point.x), middle(|point| point.y));
    let squares = points.iter().map(|point| (point.x - x).powi(2) + (point.y - y).powi(2));
    f64::sqrt(squares.sum::<f64>() / count)
}

/// Whether the points lie one pixel too far to the right and below, in the median over pairs and for certain.
fn counts_from_one(pairs: &[&Pair], predictions: &[Prediction]) -> bool {
    const LEAST_PAIRS: usize = 5;
    const TOLERANCE: f64 = 0.3;
    const LARGEST_ERROR: f64 = 0.2;
    let is_one = |of: fn(&Point) -> f64| {
        let offset = |(pair, stored): (&&Pair, &Prediction)| {
            let both = stored.points.iter().zip(&pair.target.keypoints);
            median(both.map(|(point, truth)| of(point) - of(truth)).collect())
        };
        let offsets: Vec<f64> = pairs.iter().zip(predictions).map(offset).collect();
        let middle = median(offsets.clone());
        let deviation = median(offsets.iter().map(|offset| (offset - middle).abs()).collect());
        // Of a median of normal errors, from the median deviation.
        let error = 1.2533 * 1.4826 * deviation / f64::sqrt(offsets.len() as f64);
        (middle - 1.0).abs() <= TOLERANCE && error <= LARGEST_ERROR
    };
    pairs.len() >= LEAST_PAIRS && is_one(|point| point.x) && is_one(|point| point.y)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
