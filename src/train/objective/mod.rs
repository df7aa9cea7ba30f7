//! What training minimises.

pub mod flow;
pub mod matching;
