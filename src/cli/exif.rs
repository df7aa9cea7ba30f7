//! The flag about photos that a viewer turned.

use clap::ValueEnum;

/// What is done about the EXIF orientation of photos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExifRule {
    /// Turn photos as a viewer shows them
    Apply,
    /// Take pixels as they are stored, as the benchmarks' readers do
    Ignore,
}
