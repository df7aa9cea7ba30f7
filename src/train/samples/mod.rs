//! What a training sample is, and how it is made.

mod annotated;
pub(crate) mod augment;
pub(crate) mod dataset;
pub(crate) mod left_out;
pub(crate) mod loader;
pub(crate) mod photos;
pub(crate) mod planes;
pub(crate) mod random;
pub(crate) mod sample;
pub(crate) mod sampler;
pub(crate) mod settings;
pub(crate) mod target;
pub(crate) mod training_set;
pub(crate) mod warp;
mod warped;
