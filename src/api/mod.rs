//! What other programs may use: an [`Engine`] that finds what corresponds between two photos, the [`Flow`]
//! between them, [`Weights`] to look into, and an [`Evaluator`] that scores by named protocols. Errors come as
//! [`Error`], told apart by what a program would do about them.
//!
//! `tests/commands/library.rs` uses all of it.

mod engine;
mod error;
mod evaluator;
mod weights;

pub use crate::flow::Flow;
pub use crate::geometry::{Point, Size};
pub use engine::{Correspondence, Engine, Options};
pub use error::{Cause, Error};
pub use evaluator::{Evaluator, Scores};
pub use weights::Weights;
