//! What a training sample is, and how it is made.

mod annotated;
pub mod augment;
pub mod dataset;
pub mod loader;
pub mod photos;
pub mod planes;
pub mod random;
pub mod sample;
pub mod sampler;
pub mod settings;
pub mod target;
pub mod training_set;
pub mod warp;
mod warped;
