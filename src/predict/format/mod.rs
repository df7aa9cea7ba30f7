//! The forms that flows, maps and pictures take in files.

pub(crate) mod flo;
pub(crate) mod kitti;
pub(crate) mod numpy;
pub(crate) mod pfm;
pub(crate) mod picture;
pub(crate) mod wheel;
