//! Annotation formats: files become pairs, one file per layout; `data::layouts` lists them.

pub(crate) mod check;
pub(crate) mod mat;
pub(crate) mod pf_pascal;
pub(crate) mod pf_willow;
pub(crate) mod spair71k;
pub(crate) mod text;
#[cfg(test)]
pub(crate) mod toy;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::data::Pair;
use crate::data::photo::images::ImageSizes;
use crate::data::problem::Problem;

/// How a dataset's files are laid out.
pub(crate) trait Format: Sync {
    /// The name used in catalogs and reports.
    fn name(&self) -> &'static str;

    /// What every annotation of this layout has.
    fn annotations(&self) -> Annotations;

    /// Reads the pairs of a list, in its order.
    ///
    /// # Errors
    /// When the list itself cannot be read; faults of single pairs are in the records.
    fn read(&self, request: &Request) -> Result<Vec<Record>>;

    /// The files besides list and photos that [`read`](Self::read) takes pairs from.
    ///
    /// # Errors
    /// As there.
    fn annotation_files(&self, request: &Request) -> Result<Vec<PathBuf>>;
}

/// What a layout's annotations have besides keypoints: what protocols may measure with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Annotations {
    /// A box around the object in each photo.
    pub object_boxes: bool,
}

/// What is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The dataset's folder.
    pub root: &'a Path,
    /// The list of pairs, a file below `root`.
    pub list: &'a Path,
    /// The split's name in the catalog.
    pub split: &'a str,
    /// The names that class numbers count, from 1.
    pub categories: &'a [String],
    /// The sizes of image files.
    pub sizes: &'a ImageSizes,
}

/// One record of a list: a pair, or what is wrong with it.
pub(crate) type Record = Result<Pair, Vec<Problem>>;
