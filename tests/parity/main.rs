//! Our network against the reference's numbers, at full size, with weights made by a formula.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod formula;
mod forward;
mod golden;
mod train;
