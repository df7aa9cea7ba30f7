//! Class activation maps (Zhou et al. 2016): where in a photo those things are that the network's classifier sees in it,
//! as SCOT (Liu et al. 2020) takes them.

use tch::{Kind, Tensor};

use crate::nn::layers::linear::Linear;
use crate::nn::parameters::VarBuilder;
use crate::nn::resize::{Corners, resize_bilinear};
use crate::nn::shape::dims;

/// The name of the level.
pub(crate) const ACTIVATION: &str = "activation";

/// Pixels from cell to cell, which are those of the blocks of the first stage.
pub(crate) const STEP: i64 = 4;

/// ImageNet's classes.
const CLASSES: i64 = 1000;

/// How many of the likeliest classes count.
const LIKELIEST: i64 = 2;

/// How many times larger the image is seen, one after another, each made of the one before.
const SCALES: [f64; 2] = [1.5, 2.0];

/// Added to the largest value before all are divided by it.
const LARGEST_EPSILON: f64 = 1e-5;

/// The classifier.
#[derive(Debug)]
pub(super) struct Activation {
    classifier: Linear,
}

impl Activation {
    /// Builds the variables below the network's `path`, for maps of so many channels.
    pub(super) fn new(path: &VarBuilder, channels: i64) -> Self {
        Self { classifier: Linear::new(&(path / "fc"), channels, CLASSES) }
    }

    /// How much each cell of a grid of [`STEP`] pixels belongs to what is seen, 0 to 1: `[B, rows, columns]`.
    ///
    /// # Shapes
    /// `images` `[B, 3, H, W]`, `last` the network's last map of them, `[B, C, h, w]`; `see` makes such maps of others.
    pub(super) fn forward(
        &self,
        images: &Tensor,
        last: &Tensor,
        see: impl Fn(&Tensor) -> Tensor,
    ) -> Tensor {
        let [_, _, height, width] = dims(images);
        let mut sum = self.activation(last, [height, width]);
        let mut image = images.shallow_clone();
        for scale in SCALES {
            let larger = [height, width].map(|side| (scale * side as f64) as i64);
            image = resize_bilinear(&image, larger, Corners::Aligned);
            sum += self.activation(&see(&image), [height, width]);
        }
        let largest = sum.amax([1i64, 2].as_slice(), true) + LARGEST_EPSILON;
        (sum / largest).slice(1, None, None, STEP).slice(2, None, None, STEP)
    }

    /// The likeliest classes' activation in an image of this size, whichever is larger: `[B, H, W]`.
    fn activation(&self, last: &Tensor, size: [i64; 2]) -> Tensor {
        let [_, channels, rows, columns] = dims(last);
        let mean = last.mean_dim([2i64, 3].as_slice(), false, None::<Kind>); // [B, C]
        let (_, classes) = self.classifier.forward(&mean).topk(LIKELIEST, 1, true, true); // [B, 2]
        let weights = self.classifier.weight.index_select(0, &classes.flatten(0, 1));
        let weights = weights.view([-1, LIKELIEST, channels]);
        let maps = weights.bmm(&last.flatten(2, 3)).view([-1, LIKELIEST, rows, columns]);
        let maps = resize_bilinear(&maps, size, Corners::Aligned);
        let over_all = |xs: Tensor| xs.unsqueeze(-1).unsqueeze(-1);
        let flat = maps.flatten(2, 3);
        let (least, most) = (over_all(flat.amin([2], false)), over_all(flat.amax([2], false)));
        ((maps - least) / most).amax([1], false)
    }
}
