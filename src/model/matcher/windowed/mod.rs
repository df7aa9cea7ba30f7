//! The expected target position near the most similar one (soft-argmax): within a box, as GeoAware-SC and DIY-SC
//! evaluate, or under a Gaussian, as MARCO does.
//!
//! Similarities far from the best one count as 0, they are not left out: where even the best similarity is
//! small, the rest of the photo pulls the position to its centre.

pub(crate) mod config;
mod points;
mod soft_argmax;

use std::any::Any;
use std::sync::Arc;

use anyhow::{Result, ensure};
use tch::Tensor;

use crate::flow::PointTransfer;
use crate::model::cost::{StageCost, Work};
use crate::model::features::{Features, Level, LevelShape, deepest};
use crate::model::matcher::cosine::flow_to;
use crate::model::matcher::{Comparing, LARGEST_GRID, Matcher, MatcherConfig, Matching, PairFound};
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;
use crate::nn::resize::{Corners, resize_bilinear};
use config::{PointRule, WindowedConfig};
use points::{ByPatch, Interpolated};
use soft_argmax::SoftArgmax;

/// Similarities that are held at once for each pair: 64 MiB.
const SIMILARITIES: i64 = 1 << 24;

impl Tagged for WindowedConfig {
    const KIND: &'static str = "windowed";
}

impl MatcherConfig for WindowedConfig {
    fn check(&self, levels: &[LevelShape]) -> Result<()> {
        SoftArgmax::new(self)?;
        let (side, stride) = (deepest(levels).side(), self.stride);
        ensure!(
            stride > 0 && side % stride == 0 && side / stride <= LARGEST_GRID,
            "windowed: features of {side} x {side} cells cannot make a flow by a `stride` of {stride}, which must \
             divide them into at most {LARGEST_GRID} x {LARGEST_GRID} cells"
        );
        Ok(())
    }

    /// Similarities are never held all at once.
    fn largest_grid(&self) -> i64 {
        256
    }

    fn flow_side(&self, levels: &[LevelShape]) -> i64 {
        deepest(levels).side() / self.stride
    }

    fn work(&self, levels: &[LevelShape]) -> Vec<StageCost> {
        let shape = deepest(levels);
        let [cells, asked] = [shape.side(), self.flow_side(levels)].map(|side| side * side);
        vec![StageCost { name: "similarities", work: Work::pairwise(1, asked, shape.dim, cells) }]
    }

    fn objective(&self) -> Option<&'static str> {
        Some("keypoints")
    }

    fn complete(&self) -> Chosen<dyn MatcherConfig> {
        Chosen::of(Arc::new(self.clone()))
    }

    fn build(&self, _path: &VarBuilder, _levels: &[LevelShape]) -> Box<dyn Matcher> {
        Box::new(Windowed::new(self))
    }
}

/// The matcher.
#[derive(Debug)]
struct Windowed {
    soft_argmax: SoftArgmax,
    config: WindowedConfig,
}

impl Windowed {
    /// # Panics
    /// When the constants make no sense: they were to be checked.
    fn new(config: &WindowedConfig) -> Self {
        let soft_argmax = SoftArgmax::new(config).expect("the configuration was checked");
        Self { soft_argmax, config: config.clone() }
    }

    /// The features at the centres of the flow's cells, `[B, S, D]`.
    fn at_flow_cells(&self, level: &Level) -> Tensor {
        let (side, stride) = (level.shape.side(), self.config.stride);
        if stride == 1 {
            return level.patches();
        }
        resize_bilinear(&level.map(), [side / stride; 2], Corners::Edges)
            .flatten(2, 3)
            .transpose(1, 2)
    }
}

impl Matcher for Windowed {
    fn forward(&self, source: &Features, target: &Features) -> Matching {
        let (source, target) = (source.last(), target.last());
        let side = target.shape.side();
        let flow_side = source.shape.side() / self.config.stride;
        let from = self.soft_argmax.descriptors(&self.at_flow_cells(source)); // [B, S, D]
        let to = self.soft_argmax.descriptors(&target.patches()).transpose(1, 2); // [B, D, T]
        let (cells, at_once) = (flow_side * flow_side, (SIMILARITIES / (side * side)).max(1));
        let parts = (0..cells).step_by(at_once as usize).map(|start| {
            let similarities = from.narrow(1, start, at_once.min(cells - start)).bmm(&to);
            self.soft_argmax.expected_cells(&similarities, side)
        });
        let expected = Tensor::cat(&parts.collect::<Vec<_>>(), 1); // [B, S, 2]
        let expected = match self.config.stride {
            1 => expected,
            // The same position in cells of the flow.
            stride => (expected + 0.5) / stride as f64 - 0.5,
        };
        flow_to(&expected, flow_side).into()
    }

    fn point_transfer(&self, found: &PairFound) -> Option<Arc<dyn PointTransfer>> {
        match self.config.points {
            PointRule::Flow => None,
            PointRule::Patch => Some(Arc::new(ByPatch::new(found.flow))),
            PointRule::Interpolated => Some(Arc::new(Interpolated::new(&self.soft_argmax, found))),
        }
    }

    fn as_comparing(&self) -> Option<&dyn Comparing> {
        Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Comparing for Windowed {
    fn descriptors(&self, features: &Tensor) -> Tensor {
        self.soft_argmax.descriptors(features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::matcher::test_fields::{field, shifted_pair};

    fn windowed(config: WindowedConfig) -> Windowed {
        Windowed::new(&config)
    }

    #[test]
    fn a_sharp_window_finds_a_shift_wherever_the_match_exists() {
        let sharp = || {
            let config = WindowedConfig::default();
            windowed(WindowedConfig { radius: Some(2), temperature: 1e-4, ..config })
        };
        let (source, target) = shifted_pair(2, 9, [2, 1]);
        let flow = sharp().forward(&source, &target).flow.get(0);
        let inside = flow.narrow(1, 0, 8).narrow(2, 0, 7);
        assert!((inside.get(0) - 2.0).abs().max().double_value(&[]) < 1e-3);
        assert!((inside.get(1) - 1.0).abs().max().double_value(&[]) < 1e-3);
        let same = field(1, 9);
        let flow = sharp().forward(&same, &same).flow;
        assert!(flow.abs().max().double_value(&[]) < 1e-3);
    }

    #[test]
    fn a_coarser_flow_is_the_same_in_larger_cells_and_parts_do_not_matter() {
        // 96^4 similarities are more than are held at once.
        let (source, target) = shifted_pair(3, 96, [6, -3]);
        let config = WindowedConfig {
            radius: None,
            sigma: Some(2.0),
            temperature: 1e-4,
            stride: 3,
            ..WindowedConfig::default()
        };
        let levels = [LevelShape::last(source.last().shape)];
        config.check(&levels).unwrap();
        assert_eq!(config.flow_side(&levels), 32);
        let flow = windowed(config).forward(&source, &target).flow.get(0);
        assert_eq!(flow.size(), [2, 32, 32]);
        let inside = flow.narrow(1, 2, 29).narrow(2, 0, 29);
        assert!((inside.get(0) - 2.0).abs().max().double_value(&[]) < 1e-2);
        assert!((inside.get(1) + 1.0).abs().max().double_value(&[]) < 1e-2);
    }

    #[test]
    fn strides_divide_the_grid() {
        let levels = [LevelShape::last(field(1, 10).last().shape)];
        for stride in [0, -2, 3] {
            let config = WindowedConfig { stride, ..WindowedConfig::default() };
            let error = config.check(&levels).unwrap_err().to_string();
            assert!(error.contains("10 x 10 cells"), "{error}");
        }
    }
}
