//! How weights move.

pub(crate) mod adamw;
pub(crate) mod choice;
pub(crate) mod diverged;
pub(crate) mod ema;
pub(crate) mod optimizer;
pub(crate) mod reduction;
pub(crate) mod schedule;
pub(crate) mod step;
