//! Datasets of our own making: drawn ones, and cut-outs laid onto photos.

pub(crate) mod cutouts;
pub(crate) mod rendered;
pub(crate) mod toy;
