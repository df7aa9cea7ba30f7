//! What the tests of the library's inside and those of the commands both use.

pub mod files;
pub mod toy;
