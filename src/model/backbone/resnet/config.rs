//! Which residual network it is, and which of its blocks the features are taken from.

use serde::{Deserialize, Serialize};

use crate::defaults::is_default;
use crate::model::features::FeatureShape;
use crate::model::input::ImageShape;

/// Channels of the first layer, and of the narrow part of the first stage's blocks.
pub(crate) const STEM: i64 = 64;

/// How much wider a block's result is than its narrow part.
const EXPANSION: i64 = 4;

/// Sizes of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResNetConfig {
    /// Side of the square that images are resized to, in pixels.
    pub image: i64,
    /// Blocks of each stage; every stage but the first halves the grid.
    pub stages: Vec<i64>,
    /// The blocks whose features make the deepest level, counted from 1; 0 is what enters the first block.
    pub hyperpixel: Vec<i64>,
    /// The form of the images: other than squares they have `image` columns, or that is their longer side and they are
    /// not resized.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shape: ImageShape,
    /// How the network begins.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stem: Stem,
    /// Whether the third and fourth stages keep the grid, and their 3x3 convolutions see as far as if they did not
    /// (Yu et al. 2017).
    #[serde(default, skip_serializing_if = "is_default")]
    pub dilated: bool,
    /// What says where in an image things are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub seen_by: SeenBy,
}

/// What says where in an image things are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SeenBy {
    /// The classifier's activation maps.
    #[default]
    Classifier,
    /// The head of a fully convolutional network.
    Segmentation,
}

/// What stands before the first pooling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stem {
    /// One convolution of 7 x 7.
    #[default]
    Plain,
    /// Three of 3 x 3, twice as wide at the end (ResNet-D).
    Deep,
}

/// One block of the network.
#[derive(Clone, Debug)]
pub(super) struct BlockShape {
    /// Its name among the parameters.
    pub name: String,
    /// Channels in.
    pub inputs: i64,
    /// Channels of its narrow part.
    pub width: i64,
    /// Channels out.
    pub outputs: i64,
    /// Step of its 3x3 convolution.
    pub stride: i64,
    /// Positions from one entry of that to the next.
    pub dilation: i64,
}

impl ResNetConfig {
    /// The network as it was published first, for square images.
    pub(crate) fn new(image: i64, stages: Vec<i64>, hyperpixel: Vec<i64>) -> Self {
        let (shape, stem) = (ImageShape::Square, Stem::Plain);
        Self { image, stages, hyperpixel, shape, stem, dilated: false, seen_by: SeenBy::default() }
    }

    /// Channels of what enters the first block.
    pub(super) fn stem_channels(&self) -> i64 {
        match self.stem {
            Stem::Plain => STEM,
            Stem::Deep => 2 * STEM,
        }
    }

    /// Rows and columns of an image.
    pub(super) fn size(&self) -> [i64; 2] {
        [self.shape.rows(self.image), self.image]
    }

    /// The blocks in their order.
    pub(super) fn blocks(&self) -> Vec<BlockShape> {
        let mut blocks = Vec::new();
        let mut inputs = self.stem_channels();
        for (stage, &count) in (0..).zip(&self.stages) {
            let width = STEM << stage;
            for index in 0..count {
                // Where a stage keeps the grid, its first block still sees as its input does.
                let keeps = self.dilated && stage >= 2;
                let stride = if stage > 0 && index == 0 && !keeps { 2 } else { 1 };
                let dilation = match keeps {
                    true => 1 << (stage - 1 - i64::from(index == 0)),
                    false => 1,
                };
                let name = format!("layer{}.{index}", stage + 1);
                let outputs = EXPANSION * width;
                blocks.push(BlockShape { name, inputs, width, outputs, stride, dilation });
                inputs = outputs;
            }
        }
        blocks
    }

    /// The forms of the features: what enters the first block, and those of every block.
    pub(super) fn shapes(&self) -> Vec<FeatureShape> {
        // The first convolution and the pooling behind it.
        let [mut rows, mut columns] = self.size().map(|side| halved(halved(side)));
        let grid =
            |dim, rows, columns| FeatureShape { rows, columns, ..FeatureShape::square(dim, rows) };
        let mut shapes = vec![grid(self.stem_channels(), rows, columns)];
        for block in self.blocks() {
            if block.stride == 2 {
                [rows, columns] = [rows, columns].map(halved);
            }
            shapes.push(grid(block.outputs, rows, columns));
        }
        shapes
    }

    /// The form of the deepest level: the blocks of the hyperpixel side by side, on a grid of a cell for every 16
    /// pixels.
    pub(super) fn shape(&self) -> FeatureShape {
        let shapes = self.shapes();
        let dim = self.hyperpixel.iter().map(|&block| shapes[block as usize].dim).sum();
        let [rows, columns] = sixteenths(self.size());
        FeatureShape { rows, columns, ..FeatureShape::square(dim, rows) }
    }

    /// The name of the level of a block, counted from 1; of what enters the first for 0.
    pub(super) fn level(block: usize) -> String {
        format!("block-{block}")
    }
}

/// The side of a map behind a layer that takes every second position.
pub(super) fn halved(side: i64) -> i64 {
    (side + 1) / 2
}

/// Rows and columns of a grid of a cell for every 16 pixels.
pub(super) fn sixteenths(size: [i64; 2]) -> [i64; 2] {
    size.map(|side| (0..4).fold(side, |side, _| halved(side)))
}
