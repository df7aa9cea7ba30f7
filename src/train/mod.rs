//! Training: the paper's recipe, resumable to the bit.

pub mod augment;
pub mod loss;
pub mod optimizer;
pub mod planes;
pub mod random;
pub mod schedule;
pub mod target;
pub mod tensorboard;
