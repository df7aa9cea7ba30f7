//! Backbones: each photo alone becomes grids of feature vectors.
//!
//! A further backbone is one new file beside this one and one line in [`crate::model::architecture`].

pub(crate) mod efficientnet;
pub(crate) mod resnet;
#[cfg(test)]
pub(crate) mod toy;
pub(crate) mod twins;
pub(crate) mod vit;

use std::fmt::Debug;

use anyhow::Result;
use tch::Tensor;

use crate::model::cost::Work;
use crate::model::features::{Features, LevelShape, Role};
use crate::model::input::ImageShape;
use crate::model::part::{Chosen, Settings};
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

/// Mean and standard deviation a backbone expects its input to be normalised by, per channel, for values in
/// 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Normalisation {
    /// Subtracted.
    pub mean: [f32; 3],
    /// Divided by.
    pub std: [f32; 3],
}

/// ImageNet's usual statistics.
pub(crate) const IMAGENET: Normalisation =
    Normalisation { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/// What is known of a backbone from its settings.
pub(crate) trait BackboneConfig: Settings {
    /// Whether the backbone can be built.
    ///
    /// # Errors
    /// When a size makes no sense.
    fn check(&self) -> Result<()>;

    /// What users call a network of these sizes.
    fn describe(&self) -> String {
        self.kind().to_owned()
    }

    /// How input images are to be normalised.
    fn normalisation(&self) -> Normalisation;

    /// Side of the square that images are resized to, in pixels; the longer side of a frame that is none.
    fn image(&self) -> i64;

    /// The form of that frame.
    fn image_shape(&self) -> ImageShape {
        ImageShape::Square
    }

    /// The levels of features it can give, the deepest last: at least one.
    fn levels(&self) -> Vec<LevelShape>;

    /// The arithmetic that one photo takes.
    fn work(&self) -> Work;

    /// The same for images of another side.
    ///
    /// # Errors
    /// When it cannot take them.
    fn with_image(&self, side: i64) -> Result<Chosen<dyn BackboneConfig>>;

    /// Builds the backbone's parameters at `path`; it will give the `wanted` levels.
    fn build(&self, path: &VarBuilder, wanted: &[LevelShape]) -> Box<dyn Backbone>;

    /// Whether it says something else of a photo as the source of a pair than as the target.
    fn tells_roles(&self) -> bool {
        false
    }

    /// Whether published files hold a tensor of this name below the backbone, though it is never read.
    fn is_unused(&self, _name: &str) -> bool {
        false
    }
}

/// A backbone with its parameters.
pub(crate) trait Backbone: Debug + Send {
    /// The wanted levels, in their order, of a batch of normalised images `[B, 3, H, W]` of any size.
    fn forward<'a>(&'a self, images: &Tensor, recompute: &Recompute<'a>) -> Features;

    /// The same of photos in this role, of backbones that tell roles.
    fn forward_as<'a>(
        &'a self,
        _role: Role,
        images: &Tensor,
        recompute: &Recompute<'a>,
    ) -> Features {
        self.forward(images, recompute)
    }

    /// Computes once and for all what the weights alone decide; they are not to change afterwards.
    fn settle(&mut self) {}
}
