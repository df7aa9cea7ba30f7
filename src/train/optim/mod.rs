//! How weights move.

pub mod adamw;
pub mod ema;
pub mod schedule;
pub mod step;
