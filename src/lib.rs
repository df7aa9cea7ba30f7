//! Dense semantic correspondence: for every pixel of a source photo, where the same part lies on
//! another instance of the category.
//!
//! Modules in the order the data meets them. Each layer uses only what stands below it in this picture
//! (`tests/commands/architecture/mod.rs` holds the table):
//!
//! ```text
//! main
//!  └ commands ─ cli, terminal            what the user typed, what the user sees
//!     ├ train                            losses, optimizer, checkpoints; validates with eval
//!     ├ predict   eval   export   bench  engines: files and reports; they never print
//!     │  └ inference                     frames -> features (cached) -> flows
//!     │     └ model ─ nn                 the network and its weights
//!     └ data                             datasets, decoding, resizing: plain numbers
//!        flow, geometry, pck             used by everything, as are
//!        atomic, lru, prefetch, spelling  the tools beside them
//! ```

pub mod atomic;
pub mod bench;
pub mod cli;
pub mod commands;
pub mod data;
pub mod eval;
pub mod export;
pub mod flow;
pub mod geometry;
pub mod inference;
pub mod lru;
pub mod model;
pub mod nn;
pub mod pck;
pub mod predict;
pub mod prefetch;
pub mod spelling;
pub mod synth;
pub mod terminal;
pub mod train;

#[cfg(test)]
#[path = "../tests/inside/mod.rs"]
mod inside;
