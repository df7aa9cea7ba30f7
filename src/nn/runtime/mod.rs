//! How a network is run: in which precision, what is kept and what computed again, where its parameters lie.

pub(crate) mod autocast;
pub(crate) mod dropout;
pub(crate) mod mapped;
pub(crate) mod recompute;
pub(crate) mod recording;
