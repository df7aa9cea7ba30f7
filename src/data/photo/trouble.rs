//! Why a photo cannot be decoded, in words: damaged, of a kind that is not read, or too large.

use anyhow::{Error, anyhow};
use image::ImageError;

/// What the user can do about a file that does not decode.
pub(super) const DAMAGED: &str = "the file is damaged or cut off: copy or download it again";

/// A sound file of a kind that is not read.
pub(super) fn unsupported(what: &str) -> String {
    format!(
        "unsupported: {what}; convert it to an 8-bit PNG or JPEG, as with `magick PHOTO -depth 8 photo.png`"
    )
}

/// What the `image` crate could not do, as what the user can do about it.
pub(super) fn explained(error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(error) => anyhow!(unsupported(&error.to_string())),
        ImageError::Limits(_) => {
            anyhow!(
                "decoding it takes more memory than one photo may take: scale it down, or raise the limit with \
                 --photo-memory"
            )
        }
        error => Error::new(error).context(DAMAGED),
    }
}
