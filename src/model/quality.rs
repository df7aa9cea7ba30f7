//! How much work a model puts into a pair of photos.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How much work a model puts into a pair of photos.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Quality {
    /// One pass
    #[default]
    Fast,
    /// Also asks whether what is shown faces the other way, and lets the mirrored photo guide it then
    Standard,
    /// Then looks once more, closer, at the part of both photos that corresponds
    Fine,
}
