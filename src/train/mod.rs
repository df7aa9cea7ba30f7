//! Training: the paper's recipe, resumable to the bit.

pub mod augment;
pub mod optimizer;
pub mod planes;
pub mod random;
