//! Models: a backbone that describes each photo by features, perhaps an adapter that suits them to parts,
//! and a matcher that turns the features of two photos into a flow.
//!
//! Shape letters, used everywhere in `model` and `nn`: B batch, C channels, D embedding, N tokens
//! (class token, if any, and patches), S and T source and target positions, H and W rows and columns,
//! h heads, G side of the feature grid, F side of the fine grid.

pub mod adapter;
pub mod backbone;
pub mod config;
pub mod cost;
pub mod matcher;
pub mod weights;

use tch::Tensor;

use crate::nn::segments::Segments;
use crate::nn::variables::Path;

use adapter::Adapter;
use backbone::{Backbone, FeatureShape, Features, Normalisation};
use config::ModelConfig;
use matcher::Matcher;

/// A backbone and a matcher that fit together.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    backbone: Backbone,
    adapter: Option<Adapter>,
    matcher: Matcher,
}

impl Model {
    /// Builds the model's variables under `path`; they hold initial values until weights are loaded.
    pub fn new(path: &Path, config: &ModelConfig) -> Self {
        let backbone = Backbone::new(path, &config.backbone);
        let shape = backbone.shape();
        let adapter = config.adapter.as_ref();
        let adapter = adapter.map(|config| Adapter::new(&(path / "adapter"), config, &shape));
        let matcher = Matcher::new(path, &config.matcher, &shape);
        Self { config: config.clone(), backbone, adapter, matcher }
    }

    /// The configuration the model was built from.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The part that turns features into a flow.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// How input frames are to be normalised.
    pub fn normalisation(&self) -> Normalisation {
        self.backbone.normalisation()
    }

    /// The form of the features.
    pub fn feature_shape(&self) -> FeatureShape {
        self.backbone.shape()
    }

    /// Describes photos by features; independent of any partner, so the result can be kept.
    ///
    /// # Shapes
    /// `images` `[B, 3, H, W]`, normalised; any size, resized to the backbone's own.
    pub fn features(&self, images: &Tensor) -> Features {
        self.features_in(images, &Segments::plain())
    }

    /// As [`Model::features`], in segments that training may compute anew.
    pub fn features_in<'a>(&'a self, images: &Tensor, segments: &Segments<'a>) -> Features {
        let features = self.backbone.forward(images, segments);
        match &self.adapter {
            Some(adapter) => adapter.forward(&features),
            None => features,
        }
    }

    /// The flow between photos described by features.
    ///
    /// # Shapes
    /// Result `[B, 2, H, W]` on the source grid, in pixels of that grid (see [`crate::flow::Flow`]).
    pub fn flow(&self, source: &Features, target: &Features) -> Tensor {
        self.matcher.forward(source, target)
    }
}
