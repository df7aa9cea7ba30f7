//! Layers the network is made of, and the variables they hold.

pub mod attention;
pub mod autocast;
mod fused;
pub mod layers;
pub mod mapped;
pub mod mlp;
pub mod neighbours;
mod onednn;
pub mod resize;
pub mod segments;
pub mod shape;
pub mod swin;
pub mod variables;
pub mod window;
