//! How points move where it is not by the flow.

use std::sync::{Mutex, PoisonError};

use tch::{Tensor, no_grad};

use crate::flow::{Flow, PointTransfer};
use crate::geometry::Point;
use crate::model::features::interpolated;
use crate::model::matcher::PairFound;
use crate::model::matcher::windowed::soft_argmax::SoftArgmax;

/// Every point moves as the patch that it lies in: to the centre of the expected position of that patch.
#[derive(Debug)]
pub(super) struct ByPatch {
    flow: Flow,
}

impl ByPatch {
    /// By the flow of one pair.
    pub(super) fn new(flow: &Flow) -> Self {
        Self { flow: flow.clone() }
    }
}

impl PointTransfer for ByPatch {
    fn counts_corners(&self) -> bool {
        true
    }

    fn target_from_source_unit(&self, unit: Point) -> Point {
        let grid = self.flow.size;
        let cell = |position: f64, cells: usize| (position * cells as f64).max(0.0) as usize;
        // Parity: a point on the right rim is in the first patch of the next row.
        let patch = cell(unit.y, grid.height) * grid.width + cell(unit.x, grid.width);
        let patch = patch.min(grid.area() - 1);
        let (row, column) = (patch / grid.width, patch % grid.width);
        let step = self.flow.at(row, column);
        grid.unit_from_pixel(Point::new(column as f64 + step.x, row as f64 + step.y))
    }

    fn rule(&self) -> &'static str {
        "a point moves as the centre of the patch that it lies in, as DIY-SC evaluates"
    }
}

/// How far within the photo's first and last pixels points are held, in pixels of the network's square.
const MARGIN: f64 = 1e-4;

/// Every point moves by the features interpolated at it, as MARCO has it.
#[derive(Debug)]
pub(super) struct Interpolated {
    soft_argmax: SoftArgmax,
    /// Features of the source and descriptors of the target, both `[N, D]` on the same grid.
    photos: Mutex<[Tensor; 2]>,
    /// Rows and columns of that grid.
    side: i64,
    /// Side of the network's square, in pixels.
    frame: f64,
    /// Where the source photo ends in the square, in parts of the side.
    end: Point,
}

impl Interpolated {
    /// By the features of one pair.
    pub(super) fn new(soft_argmax: &SoftArgmax, found: &PairFound) -> Self {
        let [source, target] =
            [found.source, found.target].map(|features| features.last().patches().get(0));
        Self {
            soft_argmax: *soft_argmax,
            photos: Mutex::new([source, soft_argmax.descriptors(&target)]),
            side: found.target.last().shape.side(),
            frame: found.frames[0].width as f64,
            end: found.end,
        }
    }
}

impl PointTransfer for Interpolated {
    fn counts_corners(&self) -> bool {
        true
    }

    fn target_from_source_unit(&self, unit: Point) -> Point {
        let photos = self.photos.lock().unwrap_or_else(PoisonError::into_inner);
        let [source, target] = &*photos;
        no_grad(|| {
            // Parity: points beyond the photo's last pixel are held there; a pixel's share of the side is the
            // cell's, but cells go back as their corners' positions.
            let side = self.side as f64;
            let held = |unit: f64, end: f64| {
                let last = (end * self.frame - 1.0 - MARGIN).max(MARGIN);
                (unit * self.frame).clamp(MARGIN, last) / self.frame * side
            };
            let position = [held(unit.x, self.end.x), held(unit.y, self.end.y)];
            let descriptor = interpolated(source, self.side, &Tensor::from_slice2(&[position]));
            let descriptor = self.soft_argmax.descriptors(&descriptor);
            let similarities = descriptor.matmul(&target.transpose(0, 1)).unsqueeze(0); // [1, 1, T]
            let cell = self.soft_argmax.expected_cells(&similarities, self.side);
            let unit = |axis: i64| {
                let cell = cell.double_value(&[0, 0, axis]);
                cell / (side - 1.0) * (self.frame - 1.0) / self.frame
            };
            Point::new(unit(0), unit(1))
        })
    }

    fn rule(&self) -> &'static str {
        "a point moves by the features interpolated at it, as MARCO evaluates"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::model::features::Features;
    use crate::model::matcher::test_fields::{field, shifted_pair};
    use crate::model::matcher::windowed::config::WindowedConfig;

    #[test]
    fn points_move_as_their_patch() {
        let mut flow = Flow::zero(Size::square(4));
        flow.dx[6] = 1.0; // row 1, column 2
        let rule = ByPatch::new(&flow);
        let moved = |x: f64, y: f64| rule.target_from_source_unit(Point::new(x, y));
        assert_eq!(moved(0.51, 0.26), Point::new(0.875, 0.375));
        assert_eq!(moved(0.74, 0.49), Point::new(0.875, 0.375));
        assert_eq!(moved(0.76, 0.49), Point::new(0.875, 0.375), "no flow, its own centre");
        assert_eq!(moved(1.0, 0.0), Point::new(0.125, 0.375), "the rim wraps");
        assert_eq!(moved(1.5, 9.0), Point::new(0.875, 0.875));
    }

    fn rule_of(source: &Features, target: &Features, end: Point) -> Interpolated {
        let config =
            WindowedConfig { radius: Some(1), temperature: 1e-4, ..WindowedConfig::default() };
        let soft_argmax = SoftArgmax::new(&config).unwrap();
        let flow = Flow::zero(Size::square(9));
        let found = PairFound {
            flow: &flow,
            correlation: None,
            source,
            target,
            frames: [Size::square(90); 2],
            end,
        };
        Interpolated::new(&soft_argmax, &found)
    }

    #[test]
    fn points_move_by_the_features_at_them() {
        let (source, target) = shifted_pair(2, 9, [2, 1]);
        let whole = Point::new(1.0, 1.0);
        let rule = rule_of(&source, &target, whole);
        // Cell (3, 4) is met at pixels 30, 40 of 90, and cell (5, 5) stands for pixels 5 / 8 * 89.
        let moved = rule.target_from_source_unit(Point::new(30.0 / 90.0, 40.0 / 90.0));
        let wanted = 5.0 / 8.0 * 89.0 / 90.0;
        assert!(moved.distance(Point::new(wanted, wanted)) < 1e-3, "{moved:?}");
        let same = field(1, 9);
        let rule = rule_of(&same, &same, whole);
        let rim = rule.target_from_source_unit(Point::new(1.0, 7.0));
        assert!(rim.distance(Point::new(89.0 / 90.0, 89.0 / 90.0)) < 1e-3, "{rim:?}");
        // Of a photo that fills the upper 45 pixels the last one is 44, and cell 4.4.
        let rule = rule_of(&same, &same, Point::new(1.0, 0.5));
        let held = rule.target_from_source_unit(Point::new(0.5, 0.6));
        assert!((held.y - 4.0 / 8.0 * 89.0 / 90.0).abs() < 1e-3, "{held:?}");
    }
}
