//! Dense semantic correspondence: for every pixel of a source photo, where the same part lies on
//! another instance of the category.
//!
//! What other programs may use stands in [`api`] and here: [`Engine`], [`Flow`], [`Weights`],
//! [`Evaluator`]. Everything else is the program's own, in the order the data meets it; each layer uses only
//! what stands below it in this picture (`tests/commands/architecture/mod.rs` holds the table):
//!
//! ```text
//! main, api                              the program; what other programs may use
//!  └ commands ─ cli, terminal            what the user typed, what the user sees
//!     ├ train                            samples -> objective -> optim -> folder, conducted by run
//!     ├ predict   eval   export   bench  engines: files and reports; they never print
//!     │  └ inference                     frames -> features (cached) -> what corresponds
//!     │     └ model ─ nn                 backbone, head, matcher and their weights; layers, operations
//!     ├ processes ─ nn                   several processes that share a command's work
//!     └ synth, fetch, drawing ─ data     datasets of our own, of others; pictures; datasets, decoding, resizing: plain numbers
//!        flow, geometry, pck             used by everything, as are
//!        defaults, failure, lru, output, page, path_text, prefetch, spelling, visible  the tools beside them
//! ```

pub mod api;
mod bench;
mod cli;
mod commands;
mod data;
mod defaults;
mod drawing;
mod eval;
mod export;
mod failure;
mod fetch;
mod flow;
mod geometry;
mod inference;
mod lru;
mod model;
mod nn;
mod output;
mod page;
mod path_text;
mod pck;
mod predict;
mod prefetch;
mod processes;
mod spelling;
mod synth;
mod terminal;
mod train;
mod visible;

pub use api::{
    Correspondence, Engine, Error, Evaluator, Flow, Options, Point, Scores, Size, Weights,
};
pub use commands::main;

#[cfg(test)]
#[path = "../tests/inside/mod.rs"]
mod inside;
