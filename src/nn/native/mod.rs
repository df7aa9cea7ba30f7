//! What is in C++, behind safe functions: the only place that knows its names, and where all that their safety
//! needs is checked. What does not serve is told by `None` before anything is computed or allocated.
//!
//! Nobody but [`crate::nn::ops`], [`crate::nn::runtime`] and the set-up of devices calls these.
#![allow(unsafe_code, reason = "functions of ours in C++")]

pub mod attention;
pub mod autocast;
pub mod cuda_graph;
pub mod linear;
pub mod neighbours;
pub mod processor;
pub mod tensor;
pub mod tf32;
