//! How points move: as the four cells around them do, the nearer ones more.

use crate::flow::{Flow, PointTransfer};
use crate::geometry::Point;

/// Side of the frame in which the authors count, in pixels.
const FRAME: f64 = 224.0;

/// By the matches of the cells, whose centres they take to reach from rim to rim, and pixels to be counted from 1.
#[derive(Debug)]
pub(super) struct BetweenCells {
    flow: Flow,
}

impl BetweenCells {
    /// By the flow of one pair.
    pub(super) fn new(flow: &Flow) -> Self {
        Self { flow: flow.clone() }
    }
}

impl PointTransfer for BetweenCells {
    fn counts_corners(&self) -> bool {
        true
    }

    fn target_from_source_unit(&self, unit: Point) -> Point {
        let grid = self.flow.size;
        let last = (grid.width - 1) as f64;
        // Of 1 to the frame's side, in -1 to 1, and in cells.
        let normalised =
            |unit: f64| (FRAME * unit - 1.0 - (FRAME - 1.0) / 2.0) * 2.0 / (FRAME - 1.0);
        let along = |unit: f64| (normalised(unit) + 1.0) / 2.0 * last;
        let at = Point::new(along(unit.x), along(unit.y));
        // Parity: the cell before a point lies strictly before it, and beyond the rim it is the first or the last but
        // one, whose distances then count as they are, without their sign.
        let before = |position: f64| (position.ceil() - 1.0).clamp(0.0, last - 1.0);
        let first = Point::new(before(at.x), before(at.y));
        let mut sum = Point::new(0.0, 0.0);
        let mut weights = 0.0;
        for (x, y) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let cell = Point::new(first.x + x, first.y + y);
            // As far as the opposite cell is.
            let opposite = Point::new(first.x + 1.0 - x, first.y + 1.0 - y);
            let weight = ((at.x - opposite.x) * (at.y - opposite.y)).abs();
            let step = self.flow.at(cell.y as usize, cell.x as usize);
            sum =
                Point::new(sum.x + weight * (cell.x + step.x), sum.y + weight * (cell.y + step.y));
            weights += weight;
        }
        let unit = |cells: f64| {
            let normalised = cells / weights / last * 2.0 - 1.0;
            (normalised * (FRAME - 1.0) / 2.0 + 1.0 + (FRAME - 1.0) / 2.0) / FRAME
        };
        Point::new(unit(sum.x), unit(sum.y))
    }

    fn rule(&self) -> &'static str {
        "a point moves as the four cells around it do, the nearer ones more, as NC-Net evaluates"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn points_of_a_flow_without_motion_stay_where_they_are_even_beyond_the_cells() {
        let rule = BetweenCells::new(&Flow::zero(Size::square(25)));
        for unit in [(0.3, 0.7), (1.0 / 224.0, 1.0), (0.5, 0.99)] {
            let unit = Point::new(unit.0, unit.1);
            let found = rule.target_from_source_unit(unit);
            assert!(found.distance(unit) < 1e-9, "{unit:?} went to {found:?}");
        }
    }

    #[test]
    fn a_point_between_two_cells_moves_half_as_each() {
        let mut flow = Flow::zero(Size::square(3));
        flow.dx[0] = 1.0;
        let rule = BetweenCells::new(&flow);
        // In the upper row, halfway from the first to the second cell of three: (1 + 57) * 2 / 223 = ... of the frame.
        let at = |cells: f64| (1.0 + cells / 2.0 * 223.0) / 224.0;
        let found = rule.target_from_source_unit(Point::new(at(0.5), at(0.0)));
        assert!(found.distance(Point::new(at(1.0), at(0.0))) < 1e-9, "{found:?}");
    }
}
