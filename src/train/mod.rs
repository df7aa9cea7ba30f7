//! Training: the paper's recipe, resumable to the bit.
//!
//! In the order of a step: [`samples`] are made, an [`objective`] says what is lost on them, [`optim`] moves
//! the weights, and what is left lies in a [`folder`]; a [`run`] conducts all of it.

pub(crate) mod config;
pub(crate) mod folder;
pub(crate) mod init;
pub(crate) mod objective;
pub(crate) mod optim;
mod path_setting;
pub(crate) mod report;
mod rules;
pub(crate) mod run;
pub(crate) mod samples;
pub(crate) mod validation;
