//! Layers the network is made of, and the variables they hold.

pub mod attention;
pub mod layers;
pub mod mlp;
pub mod resize;
pub mod shape;
pub mod swin;
pub mod variables;
pub mod window;
