//! What is in C++, behind safe functions: the only place that knows its names, and where all that their safety
//! needs is checked. What does not serve is told by `None` before anything is computed or allocated.
//!
//! Nobody but [`crate::nn::ops`], [`crate::nn::runtime`], the optimizer, the set-up of devices, groups of processes and
//! the export calls these.
#![allow(unsafe_code, reason = "functions of ours in C++")]

pub(crate) mod adamw;
mod attempt;
pub(crate) mod attention;
pub(crate) mod autocast;
pub(crate) mod cuda_graph;
mod cuda_library;
pub(crate) mod depthwise;
pub(crate) mod gradient_hooks;
pub(crate) mod kernels;
pub(crate) mod linear;
pub(crate) mod module;
pub(crate) mod nccl;
pub(crate) mod neighbours;
pub(crate) mod process_group;
pub(crate) mod processor;
pub(crate) mod region;
pub(crate) mod store;
pub(crate) mod tensor;
pub(crate) mod tf32;
