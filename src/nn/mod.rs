//! What networks are made of: the parameters they hold, layers, and the operations under these.

pub(crate) mod gate;
pub(crate) mod layers;
pub(crate) mod native;
pub(crate) mod numbers;
pub(crate) mod ops;
pub(crate) mod parameters;
pub(crate) mod resize;
pub(crate) mod runtime;
pub(crate) mod shape;
pub(crate) mod unit_length;
