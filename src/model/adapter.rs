//! A small residual on the backbone's features: it turns features that tell classes apart into features
//! that tell parts apart, and starts as no change at all.
//!
//! y = unit(x * (1 + g) + U gelu(z + depthwise(z) + C mean(z))), z = D x: a weight for each channel, and
//! beside it a narrow path that sees a cell's neighbourhood and the whole photo. g, U, C and the
//! depthwise filter start at zero.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::backbone::{FeatureShape, Features};
use crate::nn::layers::Linear;
use crate::nn::variables::{Init, Path};

/// The adapter's sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterConfig {
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

impl AdapterConfig {
    /// Whether the adapter can be built on features of form `shape`.
    ///
    /// # Errors
    /// When a size makes no sense, or there is a class token, which has no place on the grid.
    pub fn check(&self, shape: &FeatureShape) -> Result<()> {
        ensure!(!shape.class_token, "an adapter works on features without a class token");
        ensure!((1..=4096).contains(&self.width), "adapter: `width` must lie in 1 to 4096");
        ensure!(
            (1..=31).contains(&self.kernel) && self.kernel % 2 == 1,
            "adapter: `kernel` must be odd and at most 31, not {}",
            self.kernel
        );
        Ok(())
    }

    /// Multiplications (each with its addition) that one photo takes.
    pub fn multiply_adds(&self, shape: &FeatureShape) -> f64 {
        let per_cell = 2 * shape.dim * self.width + self.width * self.kernel * self.kernel;
        (shape.side * shape.side * per_cell + self.width * self.width) as f64
    }
}

/// The adapter with its variables.
#[derive(Debug)]
pub struct Adapter {
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
    pub fn new(path: &Path, config: &AdapterConfig, shape: &FeatureShape) -> Self {
        let AdapterConfig { width, kernel } = *config;
        let zeros = |name, shape: &[i64]| path.variable(name, shape, Init::Constant(0.0));
        Self {
            gain: zeros("gain", &[shape.dim]),
            // Features have length 1: with this deviation so have the values of the path.
            narrow: Linear::with_deviation(&(path / "narrow"), shape.dim, width, 1.0),
            depthwise: zeros("depthwise", &[width, 1, kernel, kernel]),
            context: zeros("context", &[width, width]),
            widen: zeros("widen", &[shape.dim, width]),
            config: config.clone(),
        }
    }

    /// `[B, G * G, D]` to the same shape, each vector of unit length.
    pub fn forward(&self, features: &Features) -> Features {
        let FeatureShape { side, .. } = features.shape;
        let tokens = &features.tokens;
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
        let adapted = tokens * (&self.gain + 1.0) + residual;
        let length = adapted.norm_scalaropt_dim(2.0, [-1], true).clamp_min(1e-12);
        Features { tokens: adapted / length, shape: features.shape }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::matcher::test_fields::field;
    use tch::Device;

    #[test]
    fn a_fresh_adapter_changes_nothing() {
        let features = field(1, 6);
        let path = Path::fresh(Device::Cpu);
        let adapter = Adapter::new(&path, &AdapterConfig::default(), &features.shape);
        let length = features.tokens.norm_scalaropt_dim(2.0, [-1], true);
        let difference = adapter.forward(&features).tokens - &features.tokens / length;
        assert!(difference.abs().max().double_value(&[]) < 1e-6);
    }
}
