//! Training: the paper's recipe, resumable to the bit.

pub mod augment;
pub mod average;
pub mod checkpoint;
pub mod config;
pub mod loader;
pub mod loss;
pub mod metrics;
pub mod optimizer;
pub mod photos;
pub mod planes;
pub mod random;
pub mod sample;
pub mod sampler;
pub mod schedule;
pub mod target;
pub mod tensorboard;
pub mod warp;
