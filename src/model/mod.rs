//! Models: a backbone that describes each photo by features, perhaps a head that suits them to parts,
//! and a matcher that turns the features of two photos into a flow.
//!
//! Shape letters, used everywhere in `model` and `nn`: B batch, C channels, D embedding, N tokens
//! (class token, if any, and patches), S and T source and target positions, H and W rows and columns,
//! h heads, G side of the feature grid, F side of the fine grid.

pub(crate) mod architecture;
pub(crate) mod backbone;
pub(crate) mod config;
pub(crate) mod cost;
pub(crate) mod features;
pub(crate) mod head;
pub(crate) mod input;
pub(crate) mod matcher;
pub(crate) mod normalisation;
pub(crate) mod part;
pub(crate) mod presets;
pub(crate) mod quality;
pub(crate) mod settings;
pub(crate) mod weights;

use anyhow::Result;
use tch::{Tensor, no_grad};

use crate::flow::Wanted;
use crate::nn::parameters::{Group, VarBuilder};
use crate::nn::runtime::recompute::Recompute;

use backbone::{Backbone, Normalisation};
use config::ModelConfig;
use features::{FeatureShape, Features, LevelShape, Role, deepest};
use head::Head;
use matcher::{Matcher, Matching};

/// A backbone and a matcher that fit together.
#[derive(Debug)]
pub(crate) struct Model {
    config: ModelConfig,
    levels: Vec<LevelShape>,
    backbone: Box<dyn Backbone>,
    head: Option<Box<dyn Head>>,
    /// Whether the head makes more of the backbone's features than there was.
    head_enlarges: bool,
    matcher: Box<dyn Matcher>,
}

impl Model {
    /// Builds the model's parameters under `path`; they hold initial values until weights are loaded.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub(crate) fn new(path: &VarBuilder, config: &ModelConfig) -> Result<Self> {
        config.check()?;
        let from_backbone = config.backbone_levels()?;
        let below = path.in_group(Group::BACKBONE) / "feature_extraction" / "backbone";
        let backbone = config.backbone.build(&below, &from_backbone);
        let deepest = from_backbone[from_backbone.len() - 1].shape;
        let head = config.head.as_ref();
        let head = head.map(|head| head.build(&(path / head.kind()), &deepest));
        let levels = config.levels()?;
        let head_enlarges = levels[levels.len() - 1].shape.cells() > deepest.cells();
        let matcher = config.matcher.build(path, &levels);
        Ok(Self { config: config.clone(), levels, backbone, head, head_enlarges, matcher })
    }

    /// The configuration the model was built from.
    pub(crate) fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Computes once and for all what the weights alone decide; they are not to change afterwards.
    pub(crate) fn settle(&mut self) {
        no_grad(|| self.backbone.settle());
    }

    /// The part that turns features into a flow.
    pub(crate) fn matcher(&self) -> &dyn Matcher {
        &*self.matcher
    }

    /// How input images are to be normalised.
    pub(crate) fn normalisation(&self) -> Normalisation {
        self.config.backbone.normalisation()
    }

    /// The form of the deepest features.
    pub(crate) fn feature_shape(&self) -> FeatureShape {
        *deepest(&self.levels)
    }

    /// Rows and columns of the flow.
    pub(crate) fn flow_side(&self) -> i64 {
        self.config.matcher.flow_side(&self.levels)
    }

    /// Whether a photo's features depend on its role in a pair.
    pub(crate) fn tells_roles(&self) -> bool {
        self.config.backbone.tells_roles()
    }

    /// Describes photos by features; independent of any partner, so the result can be kept.
    ///
    /// # Shapes
    /// `images` `[B, 3, H, W]`, normalised; any size, resized to the backbone's own.
    pub(crate) fn features(&self, images: &Tensor, role: Role) -> Features {
        self.behind_head(self.backbone.forward_as(role, images, &Recompute::plain()))
    }

    /// The features of pairs, in segments that training may compute anew.
    ///
    /// # Shapes
    /// `images` `[2 B, 3, H, W]`, as [`Model::features`]: the sources, then the targets, as in the result.
    pub(crate) fn features_of_pairs<'a>(
        &'a self,
        images: &Tensor,
        recompute: &Recompute<'a>,
    ) -> Features {
        self.behind_head(self.both_roles(images, recompute))
    }

    /// What the backbone says of the sources and targets of pairs, as [`Model::features_of_pairs`].
    fn both_roles<'a>(&'a self, images: &Tensor, recompute: &Recompute<'a>) -> Features {
        if !self.tells_roles() {
            return self.backbone.forward(images, recompute);
        }
        let [source, target] = [(Role::Source, 0), (Role::Target, 1)].map(|(role, half)| {
            self.backbone.forward_as(role, &images.chunk(2, 0)[half], recompute)
        });
        Features::cat(&[&source, &target])
    }

    fn behind_head(&self, features: Features) -> Features {
        match &self.head {
            Some(head) => head.forward(&features),
            None => features,
        }
    }

    /// What is to be kept of photos for further pairs: their features, or what a head makes more of.
    ///
    /// # Shapes
    /// As [`Model::features`].
    pub(crate) fn kept(&self, images: &Tensor, role: Role) -> Features {
        self.to_keep(self.backbone.forward_as(role, images, &Recompute::plain()))
    }

    /// What is to be kept of the photos of pairs.
    ///
    /// # Shapes
    /// As [`Model::features_of_pairs`].
    pub(crate) fn kept_of_pairs(&self, images: &Tensor) -> Features {
        self.to_keep(self.both_roles(images, &Recompute::plain()))
    }

    fn to_keep(&self, features: Features) -> Features {
        if self.head_enlarges { features } else { self.behind_head(features) }
    }

    /// The features of what was kept.
    pub(crate) fn unpacked(&self, kept: Features) -> Features {
        if self.head_enlarges { self.behind_head(kept) } else { kept }
    }

    /// What corresponds between photos described by features.
    pub(crate) fn matching(
        &self,
        source: &Features,
        target: &Features,
        wanted: Wanted,
    ) -> Matching {
        match wanted {
            Wanted::Matches => self.matcher.forward(source, target),
            Wanted::Confidence => self.matcher.forward_with_confidence(source, target),
        }
    }

    /// The flow alone.
    ///
    /// # Shapes
    /// Result `[B, 2, H, W]` on the source grid, in pixels of that grid (see [`crate::flow::Flow`]).
    pub(crate) fn flow(&self, source: &Features, target: &Features) -> Tensor {
        self.matcher.forward(source, target).flow
    }
}
