//! Inference: frames become features, kept per photo, and features become flows.

mod cuda_graph;
mod description;
pub mod device;
mod engine;
pub mod frame;
pub mod memory;
mod network;
mod options;
pub mod placement;
pub mod precision;

pub use description::ModelDescription;
pub use engine::Engine;
pub use network::FlowNetwork;
pub use options::{EngineOptions, prepare_device};
