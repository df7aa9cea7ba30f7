//! How weights move.

pub mod adamw;
pub mod choice;
pub mod ema;
pub mod optimizer;
pub mod schedule;
pub mod step;
