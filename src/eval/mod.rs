//! Evaluation: predictions of a network, a baseline or a file, scored under named protocols.

pub mod bootstrap;
pub mod compare;
pub mod junit;
pub mod markdown;
pub mod pck;
pub mod predictions;
pub mod protocol;
pub mod report;
pub mod summary;
pub mod transfer;

#[cfg(test)]
mod testing;
