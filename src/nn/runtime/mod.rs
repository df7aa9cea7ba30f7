//! How a network is run: in which precision, what is kept and what computed again, where its parameters lie.

pub mod autocast;
pub mod mapped;
pub mod recompute;
