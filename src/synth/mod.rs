//! Datasets of our own making: drawn ones, and cut-outs laid onto photos.

pub mod cutouts;
pub mod rendered;
pub mod toy;
