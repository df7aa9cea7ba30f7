//! Our network against the reference's numbers, at full size, with weights made by a formula.

mod formula;
mod forward;
mod golden;
