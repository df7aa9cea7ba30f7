//! Training: the paper's recipe, resumable to the bit.

pub mod augment;
pub mod average;
pub mod checkpoint;
pub mod clock;
pub mod config;
pub mod dataset;
pub mod event;
pub mod folder;
pub mod loader;
pub mod loss;
pub mod matches;
pub mod metrics;
pub mod optimizer;
pub mod photos;
pub mod planes;
pub mod random;
pub mod run;
pub mod sample;
pub mod sampler;
pub mod schedule;
pub mod start;
pub mod step;
pub mod target;
pub mod tensorboard;
pub mod validation;
pub mod warp;
