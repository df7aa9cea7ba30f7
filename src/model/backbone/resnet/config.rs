//! Which residual network it is, and which of its blocks the features are taken from.

use serde::{Deserialize, Serialize};

use crate::model::features::FeatureShape;

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
}

impl ResNetConfig {
    /// The blocks in their order.
    pub(super) fn blocks(&self) -> Vec<BlockShape> {
        let mut blocks = Vec::new();
        let mut inputs = STEM;
        for (stage, &count) in (0..).zip(&self.stages) {
            let width = STEM << stage;
            for index in 0..count {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                let name = format!("layer{}.{index}", stage + 1);
                let outputs = EXPANSION * width;
                blocks.push(BlockShape { name, inputs, width, outputs, stride });
                inputs = outputs;
            }
        }
        blocks
    }

    /// The forms of the features: what enters the first block, and those of every block.
    pub(super) fn shapes(&self) -> Vec<FeatureShape> {
        // The first convolution and the pooling behind it.
        let mut side = halved(halved(self.image));
        let mut shapes = vec![FeatureShape { dim: STEM, side, class_token: false }];
        for block in self.blocks() {
            side = if block.stride == 2 { halved(side) } else { side };
            shapes.push(FeatureShape { dim: block.outputs, side, class_token: false });
        }
        shapes
    }

    /// The form of the deepest level: the blocks of the hyperpixel side by side, on a grid of a cell for every 16
    /// pixels.
    pub(super) fn shape(&self) -> FeatureShape {
        let shapes = self.shapes();
        let dim = self.hyperpixel.iter().map(|&block| shapes[block as usize].dim).sum();
        let side = (0..4).fold(self.image, |side, _| halved(side));
        FeatureShape { dim, side, class_token: false }
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
