//! What a training sample is, and how it is made.

pub mod augment;
pub mod dataset;
pub mod loader;
pub mod photos;
pub mod planes;
pub mod random;
pub mod sample;
pub mod sampler;
pub mod target;
pub mod warp;
