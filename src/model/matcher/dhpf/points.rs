//! How points move: as the boxes that hold them do.

use crate::flow::{Flow, PointTransfer};
use crate::geometry::Point;
use crate::model::matcher::dhpf::hough::STRIDE;

/// Half the side of a cell's box, in pixels of the frame; its limits belong to it.
const REACH: f64 = 5.0;

/// By the mean of the steps of all cells whose box holds the point.
#[derive(Debug)]
pub(super) struct ByBoxes {
    flow: Flow,
}

impl ByBoxes {
    /// By the flow of one pair.
    pub(super) fn new(flow: &Flow) -> Self {
        Self { flow: flow.clone() }
    }
}

impl PointTransfer for ByBoxes {
    fn counts_corners(&self) -> bool {
        true
    }

    fn target_from_source_unit(&self, unit: Point) -> Point {
        let stride = STRIDE as f64;
        let cells = self.flow.size.width;
        let frame = stride * cells as f64;
        // Parity: 32-bit, as the limits of the boxes are compared.
        let position = |unit: f64| f64::from((unit * frame) as f32);
        let (x, y) = (position(unit.x), position(unit.y));
        let holding = |position: f64| {
            let last = (cells - 1) as f64;
            let first = ((position - REACH) / stride).ceil().clamp(0.0, last);
            let end = ((position + REACH) / stride).floor().clamp(0.0, last);
            first as usize..=end as usize
        };
        let (mut sum, mut count) = (Point::new(0.0, 0.0), 0.0);
        for row in holding(y) {
            for column in holding(x) {
                let step = self.flow.at(row, column);
                sum = Point::new(sum.x + step.x, sum.y + step.y);
                count += 1.0;
            }
        }
        Point::new((x + stride * sum.x / count) / frame, (y + stride * sum.y / count) / frame)
    }

    fn rule(&self) -> &'static str {
        "a point moves as the cells whose boxes hold it do in the mean, as DHPF evaluates"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn a_point_moves_as_the_cells_whose_boxes_hold_it() {
        let mut flow = Flow::zero(Size::square(60));
        // The cells 2 and 3 of the first row; at x = 10 boxes 2, 3 (7 to 17) and 2 (3 to 13) hold it, as 15 and 1 (-1 to 9) do not.
        flow.dx[2] = 4.0;
        flow.dx[3] = 2.0;
        let rule = ByBoxes::new(&flow);
        let found = rule.target_from_source_unit(Point::new(10.0 / 240.0, 0.0));
        // In both directions two cells: rows 0 and 1, of which the second does not move.
        let wanted = 10.0 + 4.0 * (4.0 + 2.0) / 4.0;
        assert!((found.x * 240.0 - wanted).abs() < 1e-9, "{found:?}");
        assert_eq!(found.y, 0.0);
    }
}
