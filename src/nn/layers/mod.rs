//! Layers: parameters and how they are applied.

pub mod attention;
pub mod conv;
pub mod linear;
pub mod mlp;
pub mod norm;
