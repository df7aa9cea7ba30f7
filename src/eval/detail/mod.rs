//! More of each answer than PCK: how far off, which parts, which side, how sure.

pub(crate) mod confidence;
pub(crate) mod errors;
pub(crate) mod exchanged;
pub(crate) mod parts;
pub(crate) mod reliability;
