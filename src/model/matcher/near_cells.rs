//! How points move in CHM and TransforMatcher: as the cells near them do.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::flow::{Flow, PointTransfer};
use crate::geometry::Point;

/// Added to the squared distance before its root is taken.
const DISTANCE_EPSILON: f64 = 1e-5;

/// Which cells a point moves with. Cells reach from rim to rim: the first lies at -1 and the last at 1.
///
/// Parity: the authors' code takes a coordinate of exactly 118 of its 240 pixels for none; here it is like any other.
/// Points beyond the frame move as its rim does, where they would have no cell in reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reach {
    /// How far a cell may be away, in halves of the frame: it counts by how much nearer it is.
    pub radius: f64,
    /// Added to the sum of the weights before they are divided by it: what is missing pulls to the middle.
    pub epsilon: f64,
}

impl Reach {
    /// Whether every point has a cell in reach, of a grid of `side` rows.
    ///
    /// # Errors
    /// When a number is out of range.
    pub(super) fn check(self, side: i64) -> Result<()> {
        let apart = 2.0 / (side - 1) as f64;
        let farthest = (apart * apart / 2.0 + DISTANCE_EPSILON).sqrt();
        ensure!(
            self.radius.is_finite() && self.radius > farthest && self.radius <= 2.0,
            "points take the cells within a `radius` of more than {farthest:.4} and at most 2, not {}",
            self.radius
        );
        ensure!(
            (0.0..1.0).contains(&self.epsilon),
            "the sum of weights is enlarged by an `epsilon` of 0 to 1, not {}",
            self.epsilon
        );
        Ok(())
    }

    /// Where points lie in the target, such that gradients flow to the flow.
    ///
    /// # Shapes
    /// `flow` `[2, G, G]` in cells, `points` `[K, 2]` in parts of the frame; result as the points.
    pub(super) fn moved(self, flow: &Tensor, points: &Tensor) -> Tensor {
        let side = flow.size()[1];
        let line = Tensor::linspace(-1.0, 1.0, side, (Kind::Float, flow.device()));
        let cells = Tensor::stack(
            &[line.repeat([side]), line.repeat_interleave_self_int(side, None, None)],
            1,
        );
        let matches = &cells + flow.flatten(1, 2).transpose(0, 1) * (2.0 / (side - 1) as f64); // [G * G, 2]
        let points = (points * 2.0 - 1.0).clamp(-1.0, 1.0);
        let apart = points.unsqueeze(1) - cells.unsqueeze(0); // [K, G * G, 2]
        let squares = apart.square().sum_dim_intlist([2].as_slice(), false, None::<Kind>);
        let weights = (self.radius - (squares + DISTANCE_EPSILON).sqrt()).clamp_min(0.0);
        let sum = weights.sum_dim_intlist([1].as_slice(), true, None::<Kind>) + self.epsilon;
        ((weights / sum).matmul(&matches) + 1.0) / 2.0
    }
}

/// By the flow of one pair.
#[derive(Debug)]
pub(super) struct NearCells {
    flow: Flow,
    reach: Reach,
    rule: &'static str,
}

impl NearCells {
    /// By a flow on a square grid.
    pub(super) fn new(flow: &Flow, reach: Reach, rule: &'static str) -> Self {
        Self { flow: flow.clone(), reach, rule }
    }
}

impl PointTransfer for NearCells {
    fn counts_corners(&self) -> bool {
        true
    }

    fn target_from_source_unit(&self, unit: Point) -> Point {
        let last = (self.flow.size.width - 1) as f64;
        let normalised = |cells: f64| cells / last * 2.0 - 1.0;
        let held = |unit: f64| (unit * 2.0 - 1.0).clamp(-1.0, 1.0);
        let at = Point::new(held(unit.x), held(unit.y));
        // The cells that may be in reach along one axis.
        let near = |position: f64| {
            let cells = |position: f64| ((position + 1.0) / 2.0 * last).clamp(0.0, last);
            let (first, end) =
                (cells(position - self.reach.radius), cells(position + self.reach.radius));
            first.floor() as usize..=end.ceil() as usize
        };
        let (mut sum, mut weights) = (Point::new(0.0, 0.0), self.reach.epsilon);
        for row in near(at.y) {
            for column in near(at.x) {
                let cell = Point::new(normalised(column as f64), normalised(row as f64));
                let squares = (cell.x - at.x).powi(2) + (cell.y - at.y).powi(2);
                let weight = (self.reach.radius - (squares + DISTANCE_EPSILON).sqrt()).max(0.0);
                let step = self.flow.at(row, column);
                sum.x += weight * normalised(column as f64 + step.x);
                sum.y += weight * normalised(row as f64 + step.y);
                weights += weight;
            }
        }
        let unit = |sum: f64| (sum / weights + 1.0) / 2.0;
        Point::new(unit(sum.x), unit(sum.y))
    }

    fn rule(&self) -> &'static str {
        self.rule
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::geometry::Size;

    const REACH: Reach = Reach { radius: 0.3, epsilon: 1e-5 };

    #[test]
    fn a_point_moves_as_the_cells_around_it_do() {
        let mut flow = Flow::zero(Size::square(9));
        flow.dx.fill(2.0);
        let rule = NearCells::new(&flow, Reach { epsilon: 0.0, ..REACH }, "");
        // On a cell, what is near lies evenly around it; two cells are a quarter of the way from rim to rim.
        let found = rule.target_from_source_unit(Point::new(3.0 / 8.0, 0.5));
        assert!(found.distance(Point::new(5.0 / 8.0, 0.5)) < 1e-9, "{found:?}");
    }

    #[test]
    fn tensors_move_as_numbers_do() {
        tch::manual_seed(4);
        let values = Tensor::randn([2, 9, 9], (Kind::Float, Device::Cpu));
        let numbers = Vec::<f32>::try_from(values.flatten(0, -1)).unwrap();
        let rule = NearCells::new(&Flow::from_channels(Size::square(9), &numbers), REACH, "");
        let points = [(0.1, 0.9), (0.5, 0.5), (0.731, 0.02), (1.2, -0.1)];
        let flat: Vec<f32> = points.iter().flat_map(|&(x, y)| [x, y]).collect();
        let moved = REACH.moved(&values, &Tensor::from_slice(&flat).view([-1, 2]));
        for (index, (x, y)) in (0..).zip(points) {
            let found = rule.target_from_source_unit(Point::new(f64::from(x), f64::from(y)));
            let wanted = [0, 1].map(|axis| moved.double_value(&[index, axis]));
            assert!(
                found.distance(Point::new(wanted[0], wanted[1])) < 1e-5,
                "{found:?} {wanted:?}"
            );
        }
    }

    #[test]
    fn every_point_must_have_a_cell_in_reach() {
        assert!(REACH.check(9).is_ok());
        assert!(Reach { radius: 0.05, ..REACH }.check(30).is_ok());
        assert!(Reach { radius: 0.05, ..REACH }.check(29).is_err());
    }
}
