//! Our networks against the reference's numbers, at full size; LPMFlow with weights made by a formula.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod efficientnet;
mod formula;
mod forward;
mod golden;
mod train;
