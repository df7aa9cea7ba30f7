//! Training: the paper's recipe, resumable to the bit.
//!
//! In the order of a step: [`samples`] are made, an [`objective`] says what is lost on them, [`optim`] moves
//! the weights, and what is left lies in a [`folder`]; a [`run`] conducts all of it.

pub mod communicator;
pub mod config;
pub mod folder;
pub mod init;
pub mod objective;
pub mod optim;
mod rules;
pub mod run;
pub mod samples;
pub mod validation;
