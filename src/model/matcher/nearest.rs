//! Every source position takes the target position with the most similar features.

use tch::Tensor;

use super::cosine::{cells, cosines, flow_to};
use crate::model::backbone::Features;

/// The flow `[B, 2, G, G]` in cells of the source grid.
pub fn flow(source: &Features, target: &Features) -> Tensor {
    let best = cosines(source, target).argmax(2, false); // [B, S]
    let matches = cells(target.shape.side, best.device())
        .index_select(0, &best.flatten(0, 1))
        .view([best.size()[0], -1, 2]); // [B, S, 2]
    flow_to(&matches, source.shape.side)
}
