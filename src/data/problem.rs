//! What is wrong with a dataset's files, and where.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::path_text::path_fields;
use crate::visible::{Shown, one_line};

/// What a record can suffer from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// A file is missing.
    Missing,
    /// A file or record cannot be read.
    Unreadable,
    /// Too few or too many values.
    WrongCount,
    /// A coordinate is not a finite number.
    NotFinite,
    /// The image has another size than its annotation says.
    WrongSize,
    /// A box reaches beyond its image or is turned inside out.
    BoxOutside,
    /// A keypoint lies beyond its image.
    KeypointOutside,
    /// An outline encloses no pixel of its image.
    OutlineOutside,
}

impl Fault {
    /// What to call several faults of this kind.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Missing => "missing files",
            Self::Unreadable => "unreadable files or records",
            Self::WrongCount => "records with the wrong number of values",
            Self::NotFinite => "coordinates that are not finite numbers",
            Self::WrongSize => "images of another size than annotated",
            Self::BoxOutside => "boxes outside their image",
            Self::KeypointOutside => "keypoints outside their image",
            Self::OutlineOutside => "outlines that enclose no pixel of their image",
        }
    }
}

/// One fault, and where it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Problem {
    /// Of which kind.
    pub fault: Fault,
    /// The file that shows it.
    #[serde(flatten, serialize_with = "file_fields")]
    pub file: PathBuf,
    /// The line of that file, from 1, where it has lines.
    pub line: Option<usize>,
    /// What is wrong, in words.
    pub detail: String,
}

fn file_fields<S: Serializer>(file: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    path_fields(["file", "file_escaped"], file, serializer)
}

impl Problem {
    /// A fault of a whole file.
    pub(crate) fn of_file(fault: Fault, file: &Path, detail: impl Into<String>) -> Self {
        Self { fault, file: file.to_owned(), line: None, detail: detail.into() }
    }

    /// A fault of one line.
    pub(crate) fn of_line(
        fault: Fault,
        file: &Path,
        line: usize,
        detail: impl Into<String>,
    ) -> Self {
        Self { fault, file: file.to_owned(), line: Some(line), detail: detail.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.file.shown())?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {}", one_line(&self.detail))
    }
}
