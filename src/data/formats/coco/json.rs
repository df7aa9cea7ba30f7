//! The parts of an annotation file that matter here; files hold more.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::data::formats::text::read_text;

/// An annotation file.
#[derive(Debug, Deserialize)]
pub(super) struct Annotated {
    /// The photos.
    pub images: Vec<Image>,
    /// The objects on them.
    pub annotations: Vec<Annotation>,
    /// What objects there are.
    pub categories: Vec<Category>,
}

/// A photo.
#[derive(Debug, Deserialize)]
pub(super) struct Image {
    pub id: Id,
    pub file_name: String,
    pub width: Option<f64>,
    pub height: Option<f64>,
}

/// An object on a photo.
#[derive(Debug, Deserialize)]
pub(super) struct Annotation {
    pub id: Option<Id>,
    pub image_id: Id,
    pub category_id: Id,
    /// Three numbers a keypoint: x, y, and 0 where it is not labelled.
    pub keypoints: Option<Vec<Option<f64>>>,
    /// Left, upper edge, width, height.
    pub bbox: Option<Vec<Option<f64>>>,
    pub iscrowd: Option<Flag>,
}

/// A kind of object.
#[derive(Debug, Deserialize)]
pub(super) struct Category {
    pub id: Id,
    pub name: String,
    /// The names of its keypoints.
    pub keypoints: Option<Vec<String>>,
}

/// What tools tell things apart by: a number, or a text that may be one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "WrittenId")]
pub(super) struct Id(String);

/// The same as tools write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenId {
    Integer(i64),
    Number(f64),
    Text(String),
}

impl From<WrittenId> for Id {
    fn from(written: WrittenId) -> Self {
        Self(match written {
            WrittenId::Integer(number) => number.to_string(),
            WrittenId::Number(number) => number.to_string(),
            WrittenId::Text(text) => text,
        })
    }
}

/// Yes or no, as tools write it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Flag {
    Truth(bool),
    Number(f64),
}

impl Annotated {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is no such file.
    pub(super) fn read(file: &Path) -> Result<Self> {
        Ok(serde_json::from_str(&read_text(file)?)?)
    }
}

impl Flag {
    /// Whether it is set.
    pub(super) fn is_set(&self) -> bool {
        match self {
            Self::Truth(truth) => *truth,
            Self::Number(number) => *number != 0.0,
        }
    }
}

impl Display for Id {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
