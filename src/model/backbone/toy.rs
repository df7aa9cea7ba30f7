//! A backbone of two levels, for tests: what a further backbone takes.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::model::backbone::{Backbone, BackboneConfig, IMAGENET, Normalisation};
use crate::model::cost::Work;
use crate::model::features::{FeatureShape, Features, LAST, Level, LevelShape};
use crate::model::part::{Chosen, Tagged};
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::resize::{Corners, resize_bilinear};
use crate::nn::runtime::recompute::Recompute;

/// The name of the finer level.
const MIDDLE: &str = "middle";

/// The backbone's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ToyBackbone {
    /// Side of the square that images are resized to, in pixels.
    pub image: i64,
}

impl Default for ToyBackbone {
    fn default() -> Self {
        Self { image: 64 }
    }
}

impl ToyBackbone {
    fn level(&self, name: &str, dim: i64, stride: i64) -> LevelShape {
        let shape = FeatureShape::square(dim, self.image / stride);
        LevelShape { name: name.to_owned(), shape }
    }
}

impl Tagged for ToyBackbone {
    const KIND: &'static str = "toy";
}

impl BackboneConfig for ToyBackbone {
    fn check(&self) -> Result<()> {
        anyhow::ensure!(self.image % 8 == 0, "the image's side must be a multiple of 8");
        Ok(())
    }

    fn normalisation(&self) -> Normalisation {
        IMAGENET
    }

    fn image(&self) -> i64 {
        self.image
    }

    fn levels(&self) -> Vec<LevelShape> {
        vec![self.level(MIDDLE, 6, 4), self.level(LAST, 8, 8)]
    }

    fn work(&self) -> Work {
        Work::default()
    }

    fn with_image(&self, side: i64) -> Result<Chosen<dyn BackboneConfig>> {
        Ok(Chosen::of(std::sync::Arc::new(Self { image: side })))
    }

    fn build(&self, path: &VarBuilder, wanted: &[LevelShape]) -> Box<dyn Backbone> {
        Box::new(Toy {
            middle: Conv2d::new(&(path / MIDDLE), ConvShape::patches(3, 6, 4)),
            last: Conv2d::new(&(path / LAST), ConvShape::patches(6, 8, 2)),
            scale: path.buffer("scale", &[1], Init::Constant(1.0)),
            image: self.image,
            wanted: wanted.to_vec(),
        })
    }
}

#[derive(Debug)]
struct Toy {
    middle: Conv2d,
    last: Conv2d,
    /// What tokens are multiplied by: a buffer, which is stored but never trained.
    scale: Tensor,
    image: i64,
    wanted: Vec<LevelShape>,
}

impl Backbone for Toy {
    fn forward<'a>(&'a self, images: &Tensor, _recompute: &Recompute<'a>) -> Features {
        let images = images.to_kind(self.scale.kind());
        let images = resize_bilinear(&images, [self.image; 2], Corners::Edges);
        let middle = self.middle.forward(&images).tanh() * &self.scale; // [B, 6, 2 G, 2 G]
        let last = self.last.forward(&middle); // [B, 8, G, G]
        let level = |LevelShape { name, shape }: &LevelShape| {
            let map = if name == MIDDLE { &middle } else { &last };
            let tokens = map.flatten(2, 3).transpose(1, 2); // [B, N, D]
            Level { name: name.clone(), tokens, shape: *shape }
        };
        Features::new(self.wanted.iter().map(level).collect())
    }
}
