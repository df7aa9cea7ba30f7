//! Training: the paper's recipe, resumable to the bit.

pub mod augment;
pub mod planes;
pub mod random;
