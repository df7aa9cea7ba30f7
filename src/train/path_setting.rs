//! Paths in a configuration: text, or `{ escaped = "..." }` where they are not Unicode.

use std::path::{Path, PathBuf};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::path_text::{path_from_text, path_text};

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a path, or { escaped = \"...\" }")]
enum Setting {
    Text(String),
    Escaped { escaped: String },
}

impl Setting {
    fn new(path: &Path) -> Self {
        match path_text(path) {
            (text, false) => Self::Text(text),
            (escaped, true) => Self::Escaped { escaped },
        }
    }

    fn path<E: Error>(self) -> Result<PathBuf, E> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Escaped { escaped } => path_from_text(escaped, true).map_err(E::custom),
        }
    }
}

/// Writes a path.
///
/// # Errors
/// When `serializer` has one.
pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    Setting::new(path).serialize(serializer)
}

/// Reads a path.
///
/// # Errors
/// When there is none.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<PathBuf, D::Error> {
    Setting::deserialize(source)?.path()
}

/// The same for paths that may be absent.
pub(crate) mod optional {
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Setting;

    /// Writes a path, if there is one.
    ///
    /// # Errors
    /// When `serializer` has one.
    pub(crate) fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_deref().map(Setting::new).serialize(serializer)
    }

    /// Reads a path, if there is one.
    ///
    /// # Errors
    /// When there is something else.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        source: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Option::<Setting>::deserialize(source)?.map(Setting::path).transpose()
    }
}
