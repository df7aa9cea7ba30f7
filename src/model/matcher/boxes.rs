//! How points move in DHPF and SCOT: as the cells whose boxes hold them do.

use crate::flow::{Flow, PointTransfer};
use crate::geometry::{Point, Size};
use crate::model::features::FeatureShape;
use crate::model::matcher::PairFound;

/// The boxes of cells, in pixels of a frame whose first cell lies at 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boxes {
    /// From cell to cell.
    pub step: i64,
    /// From a cell to its box's limits, which belong to it.
    pub reach: i64,
}

/// By the mean of the steps of all cells whose box holds the point.
#[derive(Debug)]
pub(super) struct ByBoxes {
    flow: Flow,
    /// The grid that the flow leads to.
    target: Size,
    frames: [Size; 2],
    boxes: Boxes,
    rule: &'static str,
}

impl ByBoxes {
    /// By what was found of one pair, whose flow leads to a grid of this form.
    pub(super) fn new(
        found: &PairFound,
        target: FeatureShape,
        boxes: Boxes,
        rule: &'static str,
    ) -> Self {
        let target = Size::new(target.rows as usize, target.columns as usize);
        Self { flow: found.flow.clone(), target, frames: found.frames, boxes, rule }
    }

    /// The cells along one axis whose boxes hold a position; of a position that none holds, the nearest.
    fn holding(&self, position: f64, cells: usize) -> std::ops::RangeInclusive<usize> {
        let (step, reach, last) =
            (self.boxes.step as f64, self.boxes.reach as f64, (cells - 1) as f64);
        let first = ((position - reach) / step).ceil().clamp(0.0, last);
        let end = ((position + reach) / step).floor().clamp(0.0, last);
        first as usize..=end as usize
    }
}

impl PointTransfer for ByBoxes {
    fn counts_corners(&self) -> bool {
        true
    }

    fn target_from_source_unit(&self, unit: Point) -> Point {
        let [source, target] = self.frames;
        // Parity: 32-bit, as the limits of the boxes are compared.
        let position = |unit: f64, length: usize| f64::from((unit * length as f64) as f32);
        let (x, y) = (position(unit.x, source.width), position(unit.y, source.height));
        let grid = self.flow.size;
        // A flow leads between grids as if they had one form; it leads to cells.
        let cell = |own: usize, step: f64, own_length: usize, length: usize| {
            let scale = length as f64 / own_length as f64;
            ((own as f64 + step + 0.5) * scale - 0.5).round()
        };
        let (mut sum, mut count) = (Point::new(0.0, 0.0), 0.0);
        for row in self.holding(y, grid.height) {
            for column in self.holding(x, grid.width) {
                let step = self.flow.at(row, column);
                sum.x += cell(column, step.x, grid.width, self.target.width) - column as f64;
                sum.y += cell(row, step.y, grid.height, self.target.height) - row as f64;
                count += 1.0;
            }
        }
        let moved = |start: f64, sum: f64| start + self.boxes.step as f64 * sum / count;
        Point::new(moved(x, sum.x) / target.width as f64, moved(y, sum.y) / target.height as f64)
    }

    fn rule(&self) -> &'static str {
        self.rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_moves_as_the_cells_whose_boxes_hold_it() {
        let mut flow = Flow::zero(Size::square(60));
        // The cells 2 and 3 of the first row; at x = 10 boxes 2, 3 (7 to 17) and 2 (3 to 13) hold it, as 15 and 1 (-1 to 9) do not.
        flow.dx[2] = 4.0;
        flow.dx[3] = 2.0;
        let rule = ByBoxes {
            flow,
            target: Size::square(60),
            frames: [Size::square(240); 2],
            boxes: Boxes { step: 4, reach: 5 },
            rule: "",
        };
        let found = rule.target_from_source_unit(Point::new(10.0 / 240.0, 0.0));
        // In both directions two cells: rows 0 and 1, of which the second does not move.
        let wanted = 10.0 + 4.0 * (4.0 + 2.0) / 4.0;
        assert!((found.x * 240.0 - wanted).abs() < 1e-9, "{found:?}");
        assert_eq!(found.y, 0.0);
    }

    #[test]
    fn frames_of_different_forms_are_counted_in_their_own_pixels() {
        // Of 3 x 2 cells (12 x 8 pixels) to 2 x 4 (8 x 16): all go to the cell in row 3, column 1.
        let mut flow = Flow::zero(Size::new(2, 3));
        for (index, (dx, dy)) in flow.dx.iter_mut().zip(&mut flow.dy).enumerate() {
            let (row, column) = ((index / 3) as f32, (index % 3) as f32);
            *dx = 1.5 * 3.0 / 2.0 - 0.5 - column;
            *dy = 3.5 * 2.0 / 4.0 - 0.5 - row;
        }
        let rule = ByBoxes {
            flow,
            target: Size::new(4, 2),
            frames: [Size::new(8, 12), Size::new(16, 8)],
            boxes: Boxes { step: 4, reach: 1 },
            rule: "",
        };
        // One box alone holds the point: that of the first cell.
        let found = rule.target_from_source_unit(Point::new(0.5 / 12.0, 0.0));
        assert!((found.x * 8.0 - 4.5).abs() < 1e-6 && (found.y * 16.0 - 12.0).abs() < 1e-6);
    }
}
