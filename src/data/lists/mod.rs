//! Lists that users bring: text in any usual encoding, JSON and CSV however they are spread over lines, keys
//! that are spelled a little differently.

pub(crate) mod bytes;
pub(crate) mod encoding;
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod points;
pub(crate) mod table;
