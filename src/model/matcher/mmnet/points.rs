//! How points move: to the cell that matches best what lies between the four cells around them.

use std::sync::Arc;

use crate::flow::PointTransfer;
use crate::geometry::{Point, Size};

/// By the correlation of one pair.
#[derive(Debug)]
pub(super) struct BetweenCorrelations {
    /// `[S, T]`, row by row.
    correlation: Arc<[f32]>,
    /// Both grids.
    grids: [Size; 2],
}

impl BetweenCorrelations {
    /// By the correlation of the cells of two grids.
    ///
    /// # Panics
    /// When it has other sizes.
    pub(super) fn new(correlation: Vec<f32>, grids: [Size; 2]) -> Self {
        assert_eq!(correlation.len(), grids[0].area() * grids[1].area());
        Self { correlation: correlation.into(), grids }
    }

    fn row(&self, row: usize, column: usize) -> &[f32] {
        let [source, target] = self.grids;
        let start = (row * source.width + column) * target.area();
        &self.correlation[start..start + target.area()]
    }
}

impl PointTransfer for BetweenCorrelations {
    /// A cell lies at its upper left corner.
    fn counts_corners(&self) -> bool {
        true
    }

    fn target_from_source_unit(&self, unit: Point) -> Point {
        let [source, target] = self.grids;
        // The cells before and behind, and how far it is from the first; behind the last one there is none.
        let along = |unit: f64, count: usize| {
            let position = ((unit * count as f64) as f32).clamp(0.0, count as f32);
            let before = (position.floor() as usize).min(count - 1);
            let part = if before + 1 == count { 0.0 } else { position - before as f32 };
            (before, (before + 1).min(count - 1), part)
        };
        let (left, right, in_x) = along(unit.x, source.width);
        let (above, below, in_y) = along(unit.y, source.height);
        let between = |from: f32, to: f32, part: f32| from * (1.0 - part) + to * part;
        let corners = [(above, left), (below, left), (above, right), (below, right)];
        let [first, under, beside, opposite] = corners.map(|(row, column)| self.row(row, column));
        let mut best = (0, f32::NEG_INFINITY);
        for cell in 0..target.area() {
            // Parity: rows first.
            let here = between(first[cell], under[cell], in_y);
            let there = between(beside[cell], opposite[cell], in_y);
            let value = between(here, there, in_x);
            if value > best.1 {
                best = (cell, value);
            }
        }
        let (row, column) = (best.0 / target.width, best.0 % target.width);
        Point::new(column as f64 / target.width as f64, row as f64 / target.height as f64)
    }

    fn rule(&self) -> &'static str {
        "a point moves to the cell that the four cells around it match best, as MMNet evaluates"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_cells_decide_and_the_last_ones_alone() {
        let grids = [Size::new(1, 2), Size::new(1, 3)];
        // The first cell matches the last best, the second the first.
        let rule = BetweenCorrelations::new(vec![0.0, 0.0, 1.0, 1.0, 0.9, 0.0], grids);
        let column = |x: f64| rule.target_from_source_unit(Point::new(x, 0.0)).x * 3.0;
        assert_eq!([column(0.0), column(0.1)], [2.0; 2]);
        // Behind the middle of both cells the second weighs more.
        assert_eq!([column(0.3), column(0.5), column(0.99), column(1.2)], [0.0; 4]);
    }
}
