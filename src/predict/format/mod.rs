//! The forms that flows, maps and pictures take in files.

pub mod flo;
pub mod kitti;
pub mod numpy;
pub mod pfm;
pub mod picture;
pub mod wheel;
