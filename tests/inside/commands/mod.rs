//! Whole commands, run within this process: a program that loads libtorch takes a third of a second to start. What
//! depends on a process (its streams, its environment, its end) is tried with the real binary, in `tests/commands/`.

mod caltech;
mod datasets;
mod eval;
mod predict;
mod predict_confidence;
mod predict_pairs;
mod predict_pictures;
mod published;
mod strangers;
mod tss;
mod weights;
