//! Two networks of one form, one for the sources of pairs and one for their targets, as CHM and TransforMatcher have
//! them.

use std::sync::Arc;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::model::backbone::{Backbone, BackboneConfig, Normalisation};
use crate::model::cost::Work;
use crate::model::features::{Features, LevelShape, Role};
use crate::model::input::ImageShape;
use crate::model::part::{Chosen, Tagged};
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

/// Where the parameters of each network stand below the backbone's.
pub(crate) const ROLES: [&str; 2] = ["source", "target"];

/// What both networks are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TwinsConfig {
    /// Each of the two.
    pub each: Chosen<dyn BackboneConfig>,
}

impl Tagged for TwinsConfig {
    const KIND: &'static str = "twins";
}

impl BackboneConfig for TwinsConfig {
    fn check(&self) -> Result<()> {
        self.each.check()
    }

    fn describe(&self) -> String {
        format!("two {}", self.each.describe())
    }

    fn normalisation(&self) -> Normalisation {
        self.each.normalisation()
    }

    fn image(&self) -> i64 {
        self.each.image()
    }

    fn image_shape(&self) -> ImageShape {
        self.each.image_shape()
    }

    fn levels(&self) -> Vec<LevelShape> {
        self.each.levels()
    }

    fn work(&self) -> Work {
        self.each.work()
    }

    fn with_image(&self, side: i64) -> Result<Chosen<dyn BackboneConfig>> {
        Ok(Chosen::of(Arc::new(Self { each: self.each.with_image(side)? })))
    }

    fn build(&self, path: &VarBuilder, wanted: &[LevelShape]) -> Box<dyn Backbone> {
        let [source, target] = ROLES.map(|role| self.each.build(&(path / role), wanted));
        Box::new(Twins { source, target })
    }

    fn tells_roles(&self) -> bool {
        true
    }

    fn is_unused(&self, name: &str) -> bool {
        name.split_once('.')
            .is_some_and(|(role, own)| ROLES.contains(&role) && self.each.is_unused(own))
    }
}

/// Both networks with their parameters.
#[derive(Debug)]
struct Twins {
    source: Box<dyn Backbone>,
    target: Box<dyn Backbone>,
}

impl Backbone for Twins {
    fn forward<'a>(&'a self, images: &Tensor, recompute: &Recompute<'a>) -> Features {
        self.forward_as(Role::Source, images, recompute)
    }

    fn forward_as<'a>(
        &'a self,
        role: Role,
        images: &Tensor,
        recompute: &Recompute<'a>,
    ) -> Features {
        match role {
            Role::Source => self.source.forward(images, recompute),
            Role::Target => self.target.forward(images, recompute),
        }
    }

    fn settle(&mut self) {
        self.source.settle();
        self.target.settle();
    }
}
