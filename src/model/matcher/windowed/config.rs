//! The constants of the matcher: how near the best position counts, and how points move.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::defaults::is_default;
use crate::model::matcher::near_best::Window;

/// The matcher's constants; it has no parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WindowedConfig {
    /// Cells that a box reaches from the best one to each side; either this or `sigma`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<i64>,
    /// Cells of the standard deviation of a Gaussian around the best one (kernel soft-argmax, Lee et al. 2019).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma: Option<f64>,
    /// What similarities are divided by.
    pub temperature: f64,
    /// How alike two features are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub similarity: Similarity,
    /// Cells of the features to a side of one cell of the flow.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub stride: i64,
    /// How points move.
    #[serde(default)]
    pub points: PointRule,
}

/// How alike two features are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Similarity {
    /// The cosine of the angle between them.
    #[default]
    Cosine,
    /// Their scalar product: their lengths count.
    Product,
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
    /// Every point by the features interpolated at it, as MARCO has it.
    Interpolated,
}

impl Default for WindowedConfig {
    /// The constants of DIY-SC's evaluation.
    fn default() -> Self {
        Self {
            radius: Some(7),
            sigma: None,
            temperature: 0.02,
            similarity: Similarity::Cosine,
            stride: 1,
            points: PointRule::Flow,
        }
    }
}

impl WindowedConfig {
    /// MARCO's evaluation, on features that are `stride` times finer than the backbone's.
    pub(crate) fn marco(stride: i64) -> Self {
        Self {
            radius: None,
            sigma: Some(7.0),
            temperature: 10.0,
            similarity: Similarity::Product,
            stride,
            points: PointRule::Interpolated,
        }
    }

    /// How similarities weigh.
    ///
    /// # Errors
    /// When that is said twice, not at all, or makes no sense.
    pub(super) fn window(&self) -> Result<Window> {
        match (self.radius, self.sigma) {
            (Some(radius), None) => {
                ensure!(
                    (0..=4096).contains(&radius),
                    "windowed: `radius` must lie in 0 to 4096, not {radius}"
                );
                Ok(Window::Box(radius))
            }
            (None, Some(sigma)) => {
                ensure!(
                    sigma.is_finite() && sigma > 0.0,
                    "windowed: `sigma` must be above 0, not {sigma}"
                );
                Ok(Window::Gaussian(sigma))
            }
            _ => bail!("windowed: either `radius` or `sigma` says how far the window reaches"),
        }
    }
}

fn one() -> i64 {
    1
}

fn is_one(stride: &i64) -> bool {
    *stride == 1
}
