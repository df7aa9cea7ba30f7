//! The commands through the real binary, as users run them; and the rules of the source tree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of one test program")]

mod architecture;
mod bench;
mod browser;
mod command;
mod cutouts;
mod elsewhere;
mod environment;
mod eval;
mod fetch;
mod gallery;
mod gate;
mod index;
mod leaderboard;
mod library;
mod moving;
mod outputs;
mod package;
mod paper_table;
mod predict;
mod predict_inputs;
mod predict_many;
mod predict_pairs;
mod processes;
mod progress;
mod quality;
mod questions;
mod starter;
mod strangers;
#[path = "../support/mod.rs"]
mod support;
mod threads;
mod training;
mod view;
mod weights;
mod workflow;
