//! What of a photo the model was trained on, for nothing.

use tch::Tensor;

use crate::model::features::{CHANGE, Features};

/// How much a trained head has changed the features of every cell, 0 for not at all, `[B, S]` and `[B, T]`: it has
/// learned to tell parts of what it was trained on, and leaves the rest alone. None where the features do not tell.
pub(super) fn foregrounds(source: &Features, target: &Features) -> Option<[Tensor; 2]> {
    let foreground = |features: &Features| Some(features.find(CHANGE)?.patches().squeeze_dim(2));
    Some([foreground(source)?, foreground(target)?])
}
