//! SCOT (Liu et al., "Semantic Correspondence as an Optimal Transport Problem", CVPR 2020): the masses of one photo's cells,
//! larger where things are, go to the other's at the least cost, and matches that lead as far as many others count more.
//! Nothing is learned.

pub(crate) mod config;
mod kind;

use tch::{Kind, Tensor};

use crate::geometry::Size;
use crate::model::backbone::resnet::activation::{ACTIVATION, STEP};
use crate::model::features::{FeatureShape, Features, Level};
use crate::model::matcher::hough::{Side, support};
use crate::nn::resize::{Corners, resize_bilinear, resize_matches_between};
use crate::nn::shape::{dims, map_size};
use config::ScotConfig;

/// The masses of cells by how much they belong to what is seen in a photo: at first, and above each limit.
const LEAST_MASS: f64 = 0.5;
const MASSES: [(f64, f64); 3] = [(0.4, 0.8), (0.5, 0.9), (0.6, 1.0)];

/// How often the entropy is doubled at most, where masses cannot be told from 0.
const DOUBLINGS: usize = 16;

/// The matcher.
#[derive(Debug)]
pub(crate) struct Scot {
    config: ScotConfig,
}

impl Scot {
    /// The form of the grid that is matched.
    fn shape(&self, features: &Features) -> FeatureShape {
        self.first(features).shape
    }

    fn first<'a>(&self, features: &'a Features) -> &'a Level {
        features.level(&format!("block-{}", self.config.blocks[0]))
    }

    /// The features of the blocks that have one grid, side by side: `[B, D, rows, columns]` of every grid.
    fn maps(&self, features: &Features) -> Vec<Tensor> {
        let mut groups: Vec<Vec<Tensor>> = Vec::new();
        for block in &self.config.blocks {
            let map = features.level(&format!("block-{block}")).map();
            match groups.last_mut().filter(|group| map_size(&group[0]) == map_size(&map)) {
                Some(group) => group.push(map),
                None => groups.push(vec![map]),
            }
        }
        groups.iter().map(|group| Tensor::cat(group, 1)).collect()
    }

    /// What it costs to take a source cell's mass to a target cell, 0 to 1: `[B, S, T]`.
    ///
    /// The authors bring all features to the first grid and compare them there. As that is linear, products are made
    /// on the grids that the features have, a twentieth of the work, and brought there.
    pub(crate) fn cost(&self, source: &Features, target: &Features) -> Tensor {
        let [source, target] = [source, target].map(|features| self.maps(features));
        let grids = [&source, &target].map(|maps| map_size(&maps[0]));
        let products = source.iter().zip(&target).map(|(source, target)| {
            let product = source.flatten(2, 3).transpose(1, 2).bmm(&target.flatten(2, 3));
            resize_matches_between(&product, [map_size(source), map_size(target)], grids)
        });
        let product: Tensor = products.sum(); // [B, S, T]
        let lengths = |maps: &[Tensor]| {
            let squares = maps.iter().map(|map| {
                let map = resize_bilinear(map, map_size(&maps[0]), Corners::Aligned);
                map.square().sum_dim_intlist([1].as_slice(), false, None::<Kind>).flatten(1, 2)
            });
            squares.sum::<Tensor>().sqrt() // [B, N]
        };
        let cosines = product / (lengths(&source).unsqueeze(2) * lengths(&target).unsqueeze(1));
        1.0 - cosines.clamp_min(0.0)
    }

    /// The masses of a photo's cells, of sum 1: `[B, N]`.
    fn masses(&self, features: &Features) -> Tensor {
        let FeatureShape { rows, columns, .. } = self.shape(features);
        let step = self.config.step() / STEP;
        let activation = features.level(ACTIVATION).map();
        let at_cells = activation.slice(2, None, None, step).slice(3, None, None, step);
        let at_cells = at_cells.narrow(2, 0, rows).narrow(3, 0, columns).flatten(1, 3); // [B, N]
        let mut masses = at_cells.full_like(LEAST_MASS);
        // Parity: a part of 2/5 lies above 0.4, as it does in 64 bits.
        let at_cells = at_cells.to_kind(Kind::Double);
        for (limit, mass) in MASSES {
            masses = masses.where_self(&at_cells.le(limit), &masses.full_like(mass));
        }
        let sum = masses.sum_dim_intlist([1].as_slice(), true, None::<Kind>);
        masses / sum
    }

    /// How much of each source cell's mass goes to each target cell, for a mean mass of 1, raised to the power:
    /// `[B, S, T]`.
    pub(crate) fn transported(&self, source: &Features, target: &Features) -> Tensor {
        let cost = self.cost(source, target);
        let [from, to] = [source, target].map(|features| self.masses(features));
        let cells = from.size()[1] as f64;
        let plan = |entropy: f64| {
            let kernel = (&cost / -entropy).exp(); // [B, S, T]
            // One round of Sinkhorn's, from equal masses.
            let start = from.full_like(1.0 / cells).unsqueeze(1);
            let columns = to.unsqueeze(1) / start.bmm(&kernel); // [B, 1, T]
            let rows = from.unsqueeze(2) / kernel.bmm(&columns.transpose(1, 2)); // [B, S, 1]
            kernel * rows * columns
        };
        let is_number = |plan: &Tensor| plan.isnan().any().int64_value(&[]) == 0;
        let mut entropy = self.config.entropy;
        let mut found = plan(entropy);
        for _ in 0..DOUBLINGS {
            if is_number(&found) {
                break;
            }
            entropy *= 2.0;
            found = plan(entropy);
        }
        (found * cells).clamp_min(0.0).pow_tensor_scalar(self.config.power)
    }

    /// The same with how many matches lead as far.
    pub(crate) fn votes(&self, source: &Features, target: &Features) -> Tensor {
        let transported = self.transported(source, target);
        let size = transported.size();
        let step = self.config.step();
        let [from, to] = [source, target].map(|features| {
            let shape = self.shape(features);
            let [height, width] = features.image().expect("a ResNet tells the size of its images");
            let frame = Size::new(height as usize, width as usize);
            Side { grid: [shape.rows, shape.columns], step, frame }
        });
        let support = support(&transported, [from, to]); // [B, sy, sx, ty, tx]
        let [_, sy, sx, ty, tx] = dims(&support);
        (transported.view([-1, sy, sx, ty, tx]) * support).reshape(size)
    }
}
