//! Layers the network is made of, and the variables they hold.

pub mod layers;
pub mod shape;
pub mod variables;
