//! A small residual on the backbone's features: it turns features that tell classes apart into features
//! that tell parts apart, and starts as no change at all.
//!
//! y = unit(x * (1 + g) + U gelu(z + depthwise(z) + C mean(z))), z = D x: a weight for each channel, and
//! beside it a narrow path that sees a cell's neighbourhood and the whole photo. g, U, C and the
//! depthwise filter start at zero.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::model::cost::{Work, perceptron};
use crate::model::features::{CHANGE, FeatureShape, Features, Level, LevelShape};
use crate::model::head::{Head, HeadConfig};
use crate::model::part::Tagged;
use crate::nn::layers::linear::Linear;
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::unit_length::unit_length;

/// The adapter's sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdapterConfig {
    /// Channels of the narrow path.
    pub width: i64,
    /// Side of the neighbourhood, in cells; odd.
    pub kernel: i64,
}

impl Default for AdapterConfig {
    fn default() -> Self {
        Self { width: 64, kernel: 5 }
    }
}

impl Tagged for AdapterConfig {
    const KIND: &'static str = "adapter";
}

impl HeadConfig for AdapterConfig {
    fn check(&self, shape: &FeatureShape) -> Result<()> {
        // It would have no place on the grid.
        ensure!(!shape.class_token, "an adapter works on features without a class token");
        ensure!((1..=1024).contains(&self.width), "adapter: `width` must lie in 1 to 1024");
        ensure!(
            (1..=31).contains(&self.kernel) && self.kernel % 2 == 1,
            "adapter: `kernel` must be odd and at most 31, not {}",
            self.kernel
        );
        Ok(())
    }

    fn shape(&self, before: &FeatureShape) -> FeatureShape {
        *before
    }

    fn added(&self, before: &FeatureShape) -> Vec<LevelShape> {
        vec![LevelShape { name: CHANGE.to_owned(), shape: change_shape(before) }]
    }

    fn work(&self, shape: &FeatureShape) -> Work {
        let (cells, width) = (shape.side() * shape.side(), self.width);
        perceptron(cells, shape.dim, width)
            + Work::map(1, width, width)
            + Work::other(2.0 * (cells * width * self.kernel * self.kernel) as f64)
    }

    fn build(&self, path: &VarBuilder, shape: &FeatureShape) -> Box<dyn Head> {
        Box::new(Adapter::new(path, self, shape))
    }
}

/// The adapter with its variables.
#[derive(Debug)]
pub(crate) struct Adapter {
    /// `[D]`, what is added to 1.
    gain: Tensor,
    narrow: Linear,
    /// `[width, 1, kernel, kernel]`.
    depthwise: Tensor,
    /// `[width, width]`.
    context: Tensor,
    /// `[D, width]`.
    widen: Tensor,
    config: AdapterConfig,
}

impl Adapter {
    /// Builds the variables under `path`.
    pub(crate) fn new(path: &VarBuilder, config: &AdapterConfig, shape: &FeatureShape) -> Self {
        let AdapterConfig { width, kernel } = *config;
        let zeros = |name, shape: &[i64]| path.parameter(name, shape, Init::Constant(0.0));
        Self {
            gain: zeros("gain", &[shape.dim]),
            // Features have length 1: with this std so have the values of the path.
            narrow: Linear::with_std(&(path / "narrow"), shape.dim, width, 1.0),
            depthwise: zeros("depthwise", &[width, 1, kernel, kernel]),
            context: zeros("context", &[width, width]),
            widen: zeros("widen", &[shape.dim, width]),
            config: config.clone(),
        }
    }

    /// `[B, G * G, D]` to the same shape, each vector of unit length.
    fn adapted(&self, tokens: &Tensor, side: i64) -> Tensor {
        let z = self.narrow.forward(tokens); // [B, G * G, width]
        let map = z.transpose(1, 2).reshape([-1, self.config.width, side, side]); // [B, width, G, G]
        let padding = self.config.kernel / 2;
        let near = map.conv2d(
            &self.depthwise,
            None::<&Tensor>,
            [1, 1],
            [padding, padding],
            [1, 1],
            self.config.width,
        );
        let near = near.flatten(2, 3).transpose(1, 2); // [B, G * G, width]
        let mean = z.mean_dim([1].as_slice(), true, None::<Kind>); // [B, 1, width]
        let context = mean.linear(&self.context, None::<&Tensor>);
        let residual = (z + near + context).gelu("none").linear(&self.widen, None::<&Tensor>);
        unit_length(&(tokens * (&self.gain + 1.0) + residual))
    }
}

impl Head for Adapter {
    fn forward(&self, features: &Features) -> Features {
        let last = features.last();
        let adapted = self.adapted(&last.tokens, last.shape.side());
        let cosine = (unit_length(&last.tokens) * &adapted).sum_dim_intlist(
            [2].as_slice(),
            true,
            None::<Kind>,
        ); // [B, G * G, 1]
        let shape = change_shape(&last.shape);
        let change = Level { name: CHANGE.to_owned(), tokens: 1.0 - cosine, shape };
        features.with_last(adapted).beside_last(change)
    }
}

fn change_shape(before: &FeatureShape) -> FeatureShape {
    FeatureShape { dim: 1, ..*before }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::matcher::test_fields::field;
    use tch::Device;

    #[test]
    fn a_fresh_adapter_changes_nothing() {
        let features = field(1, 6);
        let path = VarBuilder::fresh(Device::Cpu);
        let adapter = Adapter::new(&path, &AdapterConfig::default(), &features.last().shape);
        let tokens = &features.last().tokens;
        let length = tokens.norm_scalaropt_dim(2.0, [-1], true);
        let adapted = adapter.forward(&features);
        let difference = &adapted.last().tokens - tokens / length;
        assert!(difference.abs().max().double_value(&[]) < 1e-6);
        let change = adapted.level(CHANGE);
        assert_eq!((change.tokens.size(), change.shape.dim), (vec![1, 36, 1], 1));
        assert!(change.tokens.abs().max().double_value(&[]) < 1e-6);
    }
}
