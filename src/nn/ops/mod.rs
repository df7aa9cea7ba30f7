//! Operations on tensors that are faster here than out of libtorch's own.

pub mod attention;
pub mod linear;
pub mod neighbours;
