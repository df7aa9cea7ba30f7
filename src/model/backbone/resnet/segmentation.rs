//! Where in a photo a fully convolutional network (Long et al. 2015) sees things, as SCOT (Liu et al. 2020) takes it where its
//! backbone is that network's.

use tch::{Kind, Tensor};

use crate::model::backbone::resnet::activation::STEP;
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::parameters::VarBuilder;
use crate::nn::resize::{Corners, resize_bilinear};

/// PASCAL VOC's classes, and what is none of them.
const CLASSES: i64 = 21;

/// How many times fewer channels there are before the last layer.
const REDUCTION: i64 = 4;

/// The network's head.
#[derive(Debug)]
pub(crate) struct Segmentation {
    narrow: Conv2d,
    classes: Conv2d,
}

impl Segmentation {
    /// Builds the variables below the network's `path`, for maps of so many channels.
    pub(crate) fn new(path: &VarBuilder, channels: i64) -> Self {
        let path = path / "segmentation";
        let narrow = channels / REDUCTION;
        Self {
            narrow: Conv2d::new(&(&path / 0), ConvShape::same3(channels, narrow)),
            classes: Conv2d::new(&(&path / 1), ConvShape::pointwise(narrow, CLASSES)),
        }
    }

    /// The number of the class seen at each cell of a grid of [`STEP`] pixels, from 0 for the least in the image to 1 for the
    /// greatest: `[B, rows, columns]`. The authors weigh cells by that, whatever the classes are; of an image of one class
    /// nothing is weighed.
    ///
    /// # Shapes
    /// `last` the network's last map, `[B, C, h, w]`, of images of `size`.
    pub(crate) fn forward(&self, last: &Tensor, size: [i64; 2]) -> Tensor {
        let scores = self.classes.forward(&self.narrow.forward(last).relu());
        let seen = resize_bilinear(&scores, size, Corners::Aligned).argmax(1, false); // [B, H, W]
        let seen = seen.to_kind(Kind::Float);
        let above = &seen - seen.amin([1i64, 2].as_slice(), true);
        let most = above.amax([1i64, 2].as_slice(), true);
        let part = above / most.where_self(&most.not_equal(0.0), &most.full_like(1.0));
        part.slice(1, None, None, STEP).slice(2, None, None, STEP)
    }
}
