//! How likely a match is right: a logistic function of what speaks for it.
//!
//! The coefficients are fitted to pairs whose truth is known, for the features that the matcher is used with
//! (`weights/README.md` shows how well they hold); where there are none, nothing is said.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::model::matcher::consensus::peaks::EVIDENCE;

/// What each kind of evidence (see [`EVIDENCE`]) adds to the logarithm of the odds that a match is right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Calibration {
    /// Without any evidence.
    pub bias: f64,
    /// In the order of [`EVIDENCE`].
    pub evidence: [f64; EVIDENCE.len()],
}

impl Calibration {
    /// Whether it can be used.
    ///
    /// # Errors
    /// When a coefficient is not finite.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(
            self.bias.is_finite() && self.evidence.iter().all(|value| value.is_finite()),
            "consensus: the coefficients of `calibration` must be finite"
        );
        Ok(())
    }

    /// The probability that a match is right, `[B, G, G, 6]` evidence to `[B, G, G]`.
    pub(crate) fn confidence(&self, evidence: &Tensor) -> Tensor {
        // Made where they are used: what a CUDA graph records cannot wait for values from the processor.
        let options = (Kind::Float, evidence.device());
        let coefficients = self.evidence.map(|value| Tensor::full([1], value, options));
        let coefficients = Tensor::cat(&coefficients, 0);
        (evidence.matmul(&coefficients) + self.bias).sigmoid()
    }
}
