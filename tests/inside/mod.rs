//! Tests of the library's inside that are no part of one file: the network and its training against
//! reference numbers, datasets against the official readers, weight files of every kind, whole commands.
#![allow(unreachable_pub, reason = "modules of one test program")]

mod calibration;
mod commands;
mod export;
mod fuzz;
mod golden_areas;
mod golden_augmentation;
mod golden_data;
mod golden_evaluators;
mod golden_identity;
mod golden_losses;
mod golden_target;
mod golden_transfer;
mod gpu;
mod kernels;
mod network;
mod optimizer;
mod parity;
mod predict_files;
pub mod process;
mod protocols;
pub mod shared_data;
#[path = "../support/mod.rs"]
pub mod support;
mod training;
mod weights;
