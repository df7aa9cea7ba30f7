//! The expected target position within a window around the most similar one (soft-argmax, as GeoAware-SC and
//! DIY-SC evaluate).
//!
//! Similarities outside the window count as 0, they are not left out: where even the best similarity is small,
//! the rest of the photo pulls the position to its centre.

use std::any::Any;
use std::sync::Arc;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::flow::{Flow, PointTransfer};
use crate::geometry::Point;
use crate::model::cost::StageCost;
use crate::model::features::{Features, LevelShape, deepest};
use crate::model::matcher::cosine::{self, cells, cosines, flow_to};
use crate::model::matcher::{Matcher, MatcherConfig, Matching};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;

/// The matcher's constants; it has no parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WindowedConfig {
    /// Cells that the window reaches from the best one to each side.
    pub radius: i64,
    /// What similarities are divided by.
    pub temperature: f64,
    /// How points move.
    #[serde(default)]
    pub points: PointRule,
}

/// How points move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PointRule {
    /// By the flow, bilinearly between cells.
    #[default]
    Flow,
    /// Every point as the patch that it lies in, as DIY-SC has it.
    Patch,
}

impl Default for WindowedConfig {
    /// The constants of DIY-SC's evaluation.
    fn default() -> Self {
        Self { radius: 7, temperature: 0.02, points: PointRule::Flow }
    }
}

impl Tagged for WindowedConfig {
    const KIND: &'static str = "windowed";
}

impl MatcherConfig for WindowedConfig {
    fn check(&self, _levels: &[LevelShape]) -> Result<()> {
        ensure!(
            (0..=4096).contains(&self.radius),
            "windowed: `radius` must lie in 0 to 4096, not {}",
            self.radius
        );
        ensure!(
            self.temperature.is_finite() && self.temperature > 0.0,
            "windowed: `temperature` must be above 0, not {}",
            self.temperature
        );
        Ok(())
    }

    fn operations(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        vec![cosine::operations(deepest(levels))]
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, _path: &VarBuilder, _levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(Windowed { config: self.clone() })
    }
}

/// The matcher.
#[derive(Debug)]
struct Windowed {
    config: WindowedConfig,
}

impl Windowed {
    /// `[B, S, T]` similarities to the expected column and row of the target, `[B, S, 2]`.
    fn expected_cells(&self, similarities: &Tensor, side: i64) -> Tensor {
        let cells = cells(side, similarities.device()); // [T, 2]
        let best = similarities.argmax(2, false); // [B, S]
        let best = cells.index_select(0, &best.flatten(0, 1)).view([best.size()[0], -1, 1, 2]);
        let distance = (&cells - best).abs().amax([-1i64].as_slice(), false); // [B, S, T]
        let within = distance.le(self.config.radius as f64);
        let weights = (similarities * within / self.config.temperature).softmax(-1, Kind::Float);
        weights.matmul(&cells)
    }
}

impl Matcher for Windowed {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        let expected = self.expected_cells(&cosines(source, target), target.last().shape.side);
        flow_to(&expected, source.last().shape.side).into()
    }

    fn point_transfer(&self, flow: &Flow, _: Option<&Tensor>) -> Option<Arc<dyn PointTransfer>> {
        match self.config.points {
            PointRule::Flow => None,
            PointRule::Patch => Some(Arc::new(ByPatch { flow: flow.clone() })),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Every point moves as the patch that it lies in: to the centre of the expected position of that patch.
#[derive(Debug)]
struct ByPatch {
    flow: Flow,
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::model::matcher::test_fields::{field, shifted_pair};

    fn windowed(radius: i64, temperature: f64) -> Windowed {
        Windowed { config: WindowedConfig { radius, temperature, points: PointRule::Patch } }
    }

    #[test]
    fn a_sharp_window_finds_a_shift_wherever_the_match_exists() {
        let (source, target) = shifted_pair(2, 9, [2, 1]);
        let flow = windowed(2, 1e-4).forward(&source, &target).flow.get(0);
        let inside = flow.narrow(1, 0, 8).narrow(2, 0, 7);
        assert!((inside.get(0) - 2.0).abs().max().double_value(&[]) < 1e-3);
        assert!((inside.get(1) - 1.0).abs().max().double_value(&[]) < 1e-3);
        let same = field(1, 9);
        let flow = windowed(2, 1e-4).forward(&same, &same).flow;
        assert!(flow.abs().max().double_value(&[]) < 1e-3);
    }

    #[test]
    fn similarities_outside_the_window_are_zero_and_still_weigh() {
        // One row of source, a 4x4 target: the best is cell 0, its right neighbour half as similar, and cell 15
        // is outside the window.
        let mut values = [-0.5f32; 16];
        (values[0], values[1], values[15]) = (0.04, 0.02, 0.03);
        let similarities = Tensor::from_slice(&values).view([1, 1, 16]);
        let found = windowed(1, 0.02).expected_cells(&similarities, 4);
        let weight = |index: usize| {
            let (row, column) = (index / 4, index % 4);
            let value = if row <= 1 && column <= 1 { f64::from(values[index]) } else { 0.0 };
            (value / 0.02).exp()
        };
        let total: f64 = (0..16).map(weight).sum();
        let x: f64 = (0..16).map(|i| weight(i) * (i % 4) as f64).sum::<f64>() / total;
        assert!((found.double_value(&[0, 0, 0]) - x).abs() < 1e-5);
    }

    #[test]
    fn points_move_as_their_patch() {
        let mut flow = Flow::zero(Size::square(4));
        flow.dx[6] = 1.0; // row 1, column 2
        let rule = windowed(1, 0.02).point_transfer(&flow, None).unwrap();
        let moved = |x: f64, y: f64| rule.target_from_source_unit(Point::new(x, y));
        assert_eq!(moved(0.51, 0.26), Point::new(0.875, 0.375));
        assert_eq!(moved(0.74, 0.49), Point::new(0.875, 0.375));
        assert_eq!(moved(0.76, 0.49), Point::new(0.875, 0.375), "no flow, its own centre");
        assert_eq!(moved(1.0, 0.0), Point::new(0.125, 0.375), "the rim wraps");
        assert_eq!(moved(1.5, 9.0), Point::new(0.875, 0.875));
    }
}
