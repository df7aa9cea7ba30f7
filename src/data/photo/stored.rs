//! A photo as its file stores it.

use image::DynamicImage;
use image::metadata::Orientation;

use crate::geometry::Size;

/// A photo as its file stores it: not yet turned, in its own depth and channels.
#[derive(Debug)]
pub(super) struct Stored {
    /// The pixels; fewer than `size` says where a smaller picture was enough.
    pub image: DynamicImage,
    /// The size that the file states.
    pub size: Size,
    /// How a viewer turns it.
    pub orientation: Orientation,
}
