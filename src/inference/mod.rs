//! Inference: frames become features, kept per photo, and features become flows.

mod closer;
pub(crate) mod components;
mod crew;
mod cuda_graph;
mod described;
mod description;
pub(crate) mod device;
mod engine;
mod found;
pub(crate) mod frame;
pub(crate) mod memory;
mod network;
mod options;
pub(crate) mod pixels;
pub(crate) mod placement;
pub(crate) mod precision;
pub(crate) mod similarity;
pub(crate) mod threads;

pub(crate) use description::ModelDescription;
pub(crate) use engine::Engine;
pub(crate) use network::{FlowNetwork, FlowNotFinite};
pub(crate) use options::{EngineOptions, Kernels, prepare_device};
