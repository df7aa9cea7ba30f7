//! One match, and points to ask for matches.

use crate::geometry::Point;
use crate::predict::correspondence::Correspondence;

/// A position in the source photo and the one that corresponds to it in the target photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Match {
    /// In source pixels.
    pub source: Point,
    /// In target pixels.
    pub target: Point,
    /// 0 to 1.
    pub confidence: f64,
}

impl Match {
    /// The match of a position in the source photo.
    ///
    /// # Panics
    /// As [`Correspondence::confidence`].
    pub(super) fn at(pair: &Correspondence, source: Point) -> Self {
        Self { source, target: pair.transfer(source), confidence: pair.confidence(source) }
    }
}

/// Points spread evenly over the unit square, from top to bottom.
///
/// They are a Fibonacci lattice: as even as a square grid, but no two of them share a row, so that lines to the
/// other photo do not run along each other.
pub(super) fn spread(count: usize) -> Vec<Point> {
    let golden_ratio = (1.0 + 5.0_f64.sqrt()) / 2.0;
    let point = |index: usize| {
        let down = (index as f64 + 0.5) / count as f64;
        Point::new((index as f64 / golden_ratio).fract(), down)
    };
    (0..count).map(point).collect()
}
