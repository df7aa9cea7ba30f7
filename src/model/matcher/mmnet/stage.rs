//! What a stage of the backbone adds: its blocks at several widths of view, summed and smoothed.

use tch::{Kind, Tensor};

use crate::model::features::{Features, LevelShape};
use crate::nn::layers::conv::{Conv2d, ConvShape};
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::shape::dims;

/// Channels within a block's part.
const WIDTH: i64 = 32;

/// Cells along each axis that a cell is averaged with, itself among them.
const AROUND: i64 = 3;

/// Keeps lengths that vectors are divided by away from zero.
const SHORTEST: f64 = 1e-8;

/// One stage with its variables.
#[derive(Debug)]
pub(super) struct Stage {
    blocks: Vec<Block>,
    average: Average,
    /// Joins the next deeper stage; the deepest has none.
    join: Option<Join>,
}

/// What takes in the next deeper stage.
#[derive(Debug)]
struct Join {
    /// Twice as many rows and columns of it, where it has half as many: `[C, C, 4, 4]`.
    enlarge: Option<Tensor>,
    conv: Conv2d,
}

/// What is read of one block of the backbone.
#[derive(Debug)]
struct Block {
    /// Its name among the backbone's levels.
    name: String,
    conv: Conv2d,
    /// Of wider and wider view, side by side.
    spread: [Conv2d; 3],
    down: Conv2d,
}

/// The weighted average of each cell and those around it, by how alike they are.
#[derive(Debug)]
struct Average {
    asks: Conv2d,
    answers: Conv2d,
    values: Conv2d,
    back: Conv2d,
}

impl Stage {
    /// Builds the variables of the stage of this number below the model's root `path`; `join_from` says whether the next
    /// deeper one has a coarser grid, if there is one.
    pub(super) fn new(
        path: &VarBuilder,
        number: usize,
        levels: &[&LevelShape],
        [channels, rate]: [i64; 2],
        join_from: Option<bool>,
    ) -> Self {
        let block = |(index, level): (usize, &&LevelShape)| {
            Block::new(path, &format!("{number}_{}", index + 1), level, [channels, rate])
        };
        let join = |is_coarser: bool| Join::new(path, number, channels, is_coarser);
        Self {
            blocks: levels.iter().enumerate().map(block).collect(),
            average: Average::new(&(path / format!("wa_{number}")), channels),
            join: join_from.map(join),
        }
    }

    /// `[B, C, rows, columns]`, of what the next deeper stage came to.
    pub(super) fn forward(&self, features: &Features, deeper: Option<&Tensor>) -> Tensor {
        let sum: Tensor = self.blocks.iter().map(|block| block.forward(features)).sum();
        let own = self.average.forward(&sum);
        match (&self.join, deeper) {
            (Some(join), Some(deeper)) => join.forward(&own, deeper),
            _ => own,
        }
    }
}

impl Join {
    fn new(path: &VarBuilder, number: usize, channels: i64, is_coarser: bool) -> Self {
        let enlarge = path / format!("feat_upsample_{}", number + 1);
        let shape = [channels, channels, 4, 4];
        let bound = Init::Uniform(1.0 / (16.0 * channels as f64).sqrt());
        let conv = path / format!("conv{number}_scale");
        Self {
            enlarge: is_coarser.then(|| enlarge.parameter("weight", &shape, bound)),
            conv: Conv2d::new(&conv, ConvShape::same3(2 * channels, channels)),
        }
    }

    fn forward(&self, own: &Tensor, deeper: &Tensor) -> Tensor {
        let deeper = match &self.enlarge {
            Some(kernel) => {
                let bias = None::<&Tensor>;
                deeper.conv_transpose2d(kernel, bias, [2, 2], [1, 1], [0, 0], 1, [1, 1])
            }
            None => deeper.shallow_clone(),
        };
        self.conv.forward(&Tensor::cat(&[own, &deeper], 1))
    }
}

impl Block {
    fn new(
        path: &VarBuilder,
        number: &str,
        level: &LevelShape,
        [channels, rate]: [i64; 2],
    ) -> Self {
        let own = path / format!("msblock{number}");
        let spread = [1, 2, 3].map(|times| {
            let shape = ConvShape::same3(WIDTH, WIDTH).dilated(times * rate);
            Conv2d::new(&(&own / format!("conv{times}")), shape)
        });
        let down = path / format!("conv{number}_down");
        Self {
            name: level.name.clone(),
            conv: Conv2d::new(&(&own / "conv"), ConvShape::same3(level.shape.dim, WIDTH)),
            spread,
            down: Conv2d::new(&down, ConvShape::pointwise(WIDTH, channels)),
        }
    }

    fn forward(&self, features: &Features) -> Tensor {
        let map = features.level(&self.name).map().relu();
        let narrow = self.conv.forward(&map).relu(); // [B, WIDTH, H, W]
        let wider: Tensor = self.spread.iter().map(|conv| conv.forward(&narrow).relu()).sum();
        self.down.forward(&(narrow + wider))
    }
}

impl Average {
    fn new(path: &VarBuilder, channels: i64) -> Self {
        let inner = channels / 2;
        let narrow =
            |name: &str| Conv2d::new(&(path / name), ConvShape::pointwise(channels, inner));
        Self {
            asks: narrow("conv_theta"),
            answers: narrow("conv_phi"),
            values: narrow("conv_g"),
            back: Conv2d::new(&(path / "conv_back"), ConvShape::pointwise(inner, channels)),
        }
    }

    fn forward(&self, xs: &Tensor) -> Tensor {
        let unit = |xs: Tensor| {
            let length = xs.norm_scalaropt_dim(2.0, [1], true).clamp_min(SHORTEST);
            xs / length
        };
        let asks = unit(self.asks.forward(xs)).unsqueeze(1); // [B, 1, C / 2, H, W]
        let answers = around(&unit(self.answers.forward(xs))); // [B, 9, C / 2, H, W]
        let cosines = (asks * answers).sum_dim_intlist([2].as_slice(), true, None::<Kind>);
        let weights = cosines.softmax(1, None::<Kind>); // [B, 9, 1, H, W]
        let average = (weights * around(&self.values.forward(xs))).sum_dim_intlist(
            [1].as_slice(),
            false,
            None::<Kind>,
        );
        xs + self.back.forward(&average)
    }
}

/// Each cell and those around it, beyond the rim the rim's: `[B, C, H, W]` to `[B, 9, C, H, W]`.
fn around(map: &Tensor) -> Tensor {
    let [_, _, rows, columns] = dims(map);
    let padded = map.replication_pad2d([AROUND / 2; 4]);
    let shifted: Vec<Tensor> = (0..AROUND * AROUND)
        .map(|step| padded.narrow(2, step / AROUND, rows).narrow(3, step % AROUND, columns))
        .collect();
    Tensor::stack(&shifted, 1)
}
