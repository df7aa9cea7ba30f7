//! Annotation formats: files become pairs, one file per layout; `data::layouts` lists them.

pub(crate) mod ap_10k;
pub(crate) mod caltech;
pub(crate) mod check;
pub(crate) mod coco;
pub(crate) mod mat;
pub(crate) mod pf_pascal;
pub(crate) mod pf_willow;
pub(crate) mod spair71k;
pub(crate) mod spair_u;
pub(crate) mod text;
#[cfg(test)]
pub(crate) mod toy;
pub(crate) mod tss;

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::data::Pair;
use crate::data::photo::images::ImageSizes;
use crate::data::problem::Problem;
use crate::data::truth::TruthKind;

/// How a dataset's files are laid out.
pub(crate) trait Format: Sync {
    /// The name used in catalogs and reports.
    fn name(&self) -> &'static str;

    /// What every annotation of this layout has.
    fn annotations(&self) -> Annotations;

    /// Whether what a catalog names as the list of a split is there.
    fn is_there(&self, list: &Path, _split: &str) -> bool {
        list.is_file()
    }

    /// Whether pairs are drawn by a seed because the annotations do not name them.
    fn draws_pairs(&self) -> bool {
        false
    }

    /// Reads the pairs of a list, in its order.
    ///
    /// # Errors
    /// When the list itself cannot be read; faults of single pairs are in the records.
    fn read(&self, request: &Request) -> Result<Contents>;
}

/// What a list holds.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Its records, in its order.
    pub records: Vec<Record>,
    /// The files besides list and photos that they are taken from.
    pub annotations: Vec<PathBuf>,
    /// What users should know of what is left out by rule, a sentence each.
    pub notes: Vec<String>,
}

impl From<Vec<Record>> for Contents {
    fn from(records: Vec<Record>) -> Self {
        Self { records, ..Self::default() }
    }
}

/// What a layout's annotations have: what protocols may measure with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Annotations {
    /// A box around the object in each photo.
    pub object_boxes: bool,
    /// What says where things lie in the target.
    pub truth: TruthKind,
}

/// What is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The dataset's folder.
    pub root: &'a Path,
    /// The list of pairs below `root`.
    pub list: &'a Path,
    /// The split's name in the catalog.
    pub split: &'a str,
    /// The splits that have this list in common, in the order they are used; not [`EVERYTHING`].
    pub sharing: &'a [&'a str],
    /// How pairs are drawn, of layouts whose annotations name none.
    pub draw: Draw,
    /// The names that class numbers count, from 1.
    pub categories: &'a [String],
    /// The sizes of image files.
    pub sizes: &'a ImageSizes,
}

/// The split that holds all photos, whatever others share them out.
pub(crate) const EVERYTHING: &str = "all";

/// How pairs are drawn from annotations that name none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Draw {
    /// Equal seeds draw equal pairs.
    pub seed: u64,
    /// Pairs of each category at most.
    pub pairs: usize,
}

impl Default for Draw {
    fn default() -> Self {
        Self { seed: 0, pairs: 500 }
    }
}

/// One record of a list: a pair, or what is wrong with it.
pub(crate) type Record = Result<Pair, Vec<Problem>>;
