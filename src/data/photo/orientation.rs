//! EXIF orientation of photos: what is to be done about it, and what it says.

use std::path::Path;

use anyhow::Result;
use image::metadata::Orientation;
use serde::{Deserialize, Serialize};

use crate::data::photo::header::described;
use crate::geometry::Size;

/// What is done about the EXIF orientation of photos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Exif {
    /// Pixels stay as they are stored: what the field's readers do.
    #[default]
    Ignore,
    /// Photos are turned as a viewer shows them.
    Apply,
}

/// An EXIF orientation, from 1 (upright) to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Turn(u8);

impl Turn {
    /// Whether the photo is upright as it is stored.
    pub(crate) fn is_upright(self) -> bool {
        self.0 == 1
    }

    /// The size of a stored photo once it is turned.
    pub(crate) fn turned(self, stored: Size) -> Size {
        // From 5 on, rows become columns.
        if self.0 >= 5 { Size::new(stored.width, stored.height) } else { stored }
    }
}

impl From<Orientation> for Turn {
    fn from(orientation: Orientation) -> Self {
        Self(orientation.to_exif())
    }
}

impl std::fmt::Display for Turn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A photo's size as stored, and its orientation, from its header alone.
///
/// # Errors
/// When the file is missing, holds no image in a known format, or is too large.
pub(crate) fn stored_size(path: &Path) -> Result<(Size, Turn)> {
    let (size, orientation) = described(path)?;
    Ok((size, orientation.into()))
}
