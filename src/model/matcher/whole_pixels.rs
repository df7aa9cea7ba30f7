//! Points that are cut to whole pixels before they move.

use crate::flow::{Flow, PointTransfer};
use crate::geometry::Point;

/// Every point moves as the whole pixel of the network's frame that it lies in: by the flow enlarged to the frame, and
/// from that pixel, so that its fraction is lost. As ACTR and CATs evaluate.
#[derive(Debug)]
pub(super) struct WholePixels {
    flow: Flow,
    /// Side of the network's square, in pixels.
    side: f64,
    rule: &'static str,
}

impl WholePixels {
    /// By the flow of one pair, in a frame of so many pixels.
    pub(super) fn new(flow: &Flow, side: usize, rule: &'static str) -> Self {
        Self { flow: flow.clone(), side: side as f64, rule }
    }
}

impl PointTransfer for WholePixels {
    fn counts_corners(&self) -> bool {
        true
    }

    fn target_from_source_unit(&self, unit: Point) -> Point {
        // Parity: 32-bit, so that what is a whole pixel there is one here.
        let whole =
            |unit: f64| f64::from(((unit * self.side) as f32).trunc()).clamp(0.0, self.side - 1.0);
        let start = Point::new(whole(unit.x), whole(unit.y));
        let found = self.flow.transfer_in_frame(start, self.side);
        Point::new(found.x / self.side, found.y / self.side)
    }

    fn rule(&self) -> &'static str {
        self.rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn fractions_are_lost_and_points_beyond_the_frame_start_at_its_rim() {
        let mut flow = Flow::zero(Size::square(16));
        flow.dx.fill(0.5);
        let rule = WholePixels::new(&flow, 64, "");
        for (from, to) in [((10.9, 20.2), (12.0, 20.0)), ((-3.0, 99.0), (2.0, 63.0))] {
            let unit = Point::new(from.0 / 64.0, from.1 / 64.0);
            let found = rule.target_from_source_unit(unit);
            assert_eq!((found.x * 64.0, found.y * 64.0), to);
        }
    }
}
