//! Backbones: each photo alone becomes a grid of feature vectors.
//!
//! A further backbone is one new file beside this one and one line in each list below.

pub mod efficientnet;
pub mod vit;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::nn::segments::Segments;
use crate::nn::variables::{Group, Path};
use efficientnet::{EfficientNet, EfficientNetConfig};
use vit::{VisionTransformer, VitConfig};

/// Mean and deviation a backbone expects its input to be normalised by, per channel, for values in
/// 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    /// Subtracted.
    pub mean: [f32; 3],
    /// Divided by.
    pub deviation: [f32; 3],
}

/// ImageNet's usual statistics.
pub const IMAGENET: Normalisation =
    Normalisation { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

/// What a backbone says of one batch of photos.
#[derive(Debug)]
pub struct Features {
    /// `[B, N, D]`: the class token first, if there is one, then the patches row by row.
    pub tokens: Tensor,
    /// What the tokens are.
    pub shape: FeatureShape,
}

/// The form of a backbone's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureShape {
    /// Values per token (D).
    pub dim: i64,
    /// Rows and columns of the patch grid (G).
    pub side: i64,
    /// Whether a class token precedes the patches.
    pub class_token: bool,
}

impl Features {
    /// The patch tokens alone, `[B, G * G, D]`.
    pub fn patches(&self) -> Tensor {
        let class_tokens = i64::from(self.shape.class_token);
        self.tokens.narrow(1, class_tokens, self.shape.side * self.shape.side) // [B, G * G, D]
    }
}

/// Which backbone, and its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum BackboneConfig {
    /// Vision transformer with the iBOT pretraining the paper uses.
    Vit(VitConfig),
    /// EfficientNet-Lite0, trained on ImageNet's classes.
    #[serde(rename = "efficientnet-lite0")]
    EfficientNetLite0(EfficientNetConfig),
}

impl BackboneConfig {
    /// The form of the features.
    pub fn shape(&self) -> FeatureShape {
        match self {
            Self::Vit(config) => config.shape(),
            Self::EfficientNetLite0(config) => config.shape(),
        }
    }

    /// Whether the backbone can be built.
    ///
    /// # Errors
    /// When a size makes no sense.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Vit(config) => config.check(),
            Self::EfficientNetLite0(config) => config.check(),
        }
    }
}

/// A backbone with its variables.
#[derive(Debug)]
pub enum Backbone {
    /// Vision transformer.
    Vit(VisionTransformer),
    /// EfficientNet-Lite0.
    EfficientNetLite0(EfficientNet),
}

impl Backbone {
    /// Builds the backbone's variables below the model's root `path`.
    pub fn new(path: &Path, config: &BackboneConfig) -> Self {
        let path = path.in_group(Group::Backbone) / "feature_extraction" / "backbone";
        match config {
            BackboneConfig::Vit(config) => Self::Vit(VisionTransformer::new(&path, config)),
            BackboneConfig::EfficientNetLite0(config) => {
                Self::EfficientNetLite0(EfficientNet::new(&path, config))
            }
        }
    }

    /// How input images are to be normalised.
    pub fn normalisation(&self) -> Normalisation {
        match self {
            Self::Vit(_) => IMAGENET,
            Self::EfficientNetLite0(_) => efficientnet::NORMALISATION,
        }
    }

    /// The form of the features.
    pub fn shape(&self) -> FeatureShape {
        match self {
            Self::Vit(vit) => vit.config().shape(),
            Self::EfficientNetLite0(network) => network.config().shape(),
        }
    }

    /// Features of a batch of normalised images `[B, 3, H, W]` of any size.
    pub fn forward<'a>(&'a self, images: &Tensor, segments: &Segments<'a>) -> Features {
        let tokens = match self {
            Self::Vit(vit) => vit.forward(images, segments),
            Self::EfficientNetLite0(network) => network.forward(images, segments),
        };
        Features { tokens, shape: self.shape() }
    }
}
