//! What the flag about EXIF orientation means to those who read photos.

use crate::cli::ExifRule;
use crate::data::photo::orientation::Exif;

impl From<ExifRule> for Exif {
    fn from(rule: ExifRule) -> Self {
        match rule {
            ExifRule::Apply => Self::Apply,
            ExifRule::Ignore => Self::Ignore,
        }
    }
}
