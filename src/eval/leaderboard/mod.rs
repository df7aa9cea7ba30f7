//! Several reports on the same pairs side by side: who is best, and whether that is more than chance.

mod board;
mod build;
pub(crate) mod html;
pub(crate) mod latex;
pub(crate) mod markdown;
mod names;
mod significance;
#[cfg(test)]
mod tests;

pub(crate) use board::{Duel, GroupRow, Leaderboard, Score, Table, points, probability};
pub(crate) use names::distinct_names;
