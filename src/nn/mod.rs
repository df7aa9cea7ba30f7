//! What networks are made of: the parameters they hold, layers, and the operations under these.

pub mod layers;
pub mod native;
pub mod ops;
pub mod parameters;
pub mod resize;
pub mod runtime;
pub mod shape;
pub mod unit_length;
