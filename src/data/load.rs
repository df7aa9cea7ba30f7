//! Loading one split of a dataset: reading, checking, and what to do about faults.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::data::catalog::Entry;
use crate::data::formats::{Contents, Record, Request};
use crate::data::layouts::Layout;
use crate::data::locate::{dataset_folder, missing_lists};
use crate::data::naming::name_parts;
use crate::data::photo::images::ImageSizes;
use crate::data::photo::orientation::{Exif, Turn};
use crate::data::problem::{Fault, Problem};
use crate::data::truth::Truth;
use crate::data::{AnnotatedImage, Pair};
use crate::visible::Shown;

/// Faults of one kind that an error message shows.
const SHOWN: usize = 5;

/// One split of one dataset, read and checked.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    /// The dataset's name in the catalog (`spair71k`).
    pub dataset: String,
    /// The annotation layout.
    pub layout: Layout,
    /// The split's name (`test`).
    pub name: String,
    /// The dataset's list.
    pub list: PathBuf,
    /// The annotations that the list names.
    pub annotations: Vec<PathBuf>,
    /// The pairs in the order of the dataset's list.
    pub pairs: Vec<Pair>,
    /// The positions in the list of those that are left out as unusable.
    pub left_out: Vec<usize>,
    /// SHA-256 over names, sizes, keypoints, boxes and flows of all pairs, in hexadecimal.
    pub fingerprint: String,
}

impl Split {
    /// The list, every annotation and every photo.
    pub(crate) fn files(&self) -> HashSet<PathBuf> {
        let photos = self.pairs.iter().flat_map(|pair| [&pair.source.path, &pair.target.path]);
        photos.chain(&self.annotations).chain([&self.list]).cloned().collect()
    }
}

/// A dataset of a catalog, and how its photos are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dataset<'a> {
    /// Its name in the catalog.
    pub name: &'a str,
    /// What the catalog says of it.
    pub entry: &'a Entry,
    /// The folder that holds its folder.
    pub data_root: &'a Path,
    /// What is done about the EXIF orientation of its photos.
    pub exif: Exif,
}

impl<'a> Dataset<'a> {
    /// A dataset whose photos are read as the field's readers do.
    pub(crate) fn new(name: &'a str, entry: &'a Entry, data_root: &'a Path) -> Self {
        Self { name, entry, data_root, exif: Exif::default() }
    }
}

/// A split, and the pairs that were left out of it.
#[derive(Clone, Debug)]
pub(crate) struct LoadedSplit {
    /// The sound pairs.
    pub split: Split,
    /// What was wrong with the others.
    pub problems: Vec<Problem>,
    /// How many pairs were left out.
    pub skipped: usize,
    /// What users should know of what is left out by rule, a sentence each.
    pub notes: Vec<String>,
    /// Photos whose EXIF orientation is not upright.
    pub turned: BTreeMap<PathBuf, Turn>,
}

/// Reads the split `split` of a dataset, faulty pairs left out.
///
/// # Errors
/// When the dataset is not there or its list cannot be read.
pub(crate) fn read_split(dataset: &Dataset, split: &str) -> Result<LoadedSplit> {
    let &Dataset { name, entry, data_root, exif } = dataset;
    let (split, list) = entry.split(split)?;
    let root = dataset_folder(name, entry, data_root)?;
    let sizes = ImageSizes::new(exif);
    let name_of_list = list;
    let list = root.join(list);
    if !list.exists() {
        let missing = missing_lists(name, entry, &root, &[name_of_list]);
        return Err(missing.context(format!("loading {} {split}", entry.title)));
    }
    let request = Request {
        root: &root,
        list: &list,
        split,
        sharing: &entry.sharing(split),
        draw: entry.draw.unwrap_or_default(),
        categories: &entry.categories,
        sizes: &sizes,
    };
    let Contents { records, annotations, notes } =
        entry.layout.read(&request).with_context(|| format!("loading {} {split}", entry.title))?;
    ensure!(
        !records.is_empty() || !notes.is_empty(),
        "loading {} {split}: `{}` names no pair",
        entry.title,
        list.shown()
    );
    let positions = records.iter().enumerate();
    let left_out =
        positions.filter_map(|(index, record)| record.is_err().then_some(index)).collect();
    let (pairs, faulty): (Vec<Record>, Vec<Record>) = records.into_iter().partition(Result::is_ok);
    let mut pairs: Vec<Pair> = pairs.into_iter().flatten().collect();
    name_parts(&mut pairs, entry);
    let skipped = faulty.len();
    let problems = distinct(faulty.into_iter().filter_map(Result::err).flatten());
    let split = Split {
        dataset: name.to_owned(),
        layout: entry.layout,
        name: split.to_owned(),
        annotations,
        list,
        fingerprint: fingerprint(&pairs, &root),
        pairs,
        left_out,
    };
    Ok(LoadedSplit { split, problems, skipped, notes, turned: sizes.turned() })
}

/// As [`read_split`], but any fault is an error that lists them by kind, unless `skip_bad`.
///
/// # Errors
/// As [`read_split`], and when a pair is faulty or no pair is sound.
pub(crate) fn load_split(dataset: &Dataset, split: &str, skip_bad: bool) -> Result<LoadedSplit> {
    let loaded = read_split(dataset, split)?;
    let headline = format!("loading {} {}", dataset.entry.title, loaded.split.name);
    if loaded.skipped > 0 && !skip_bad {
        let pairs = loaded.split.pairs.len() + loaded.skipped;
        bail!(
            "{headline}: {} of {pairs} pairs cannot be used; mend them, or leave them out with --skip-bad\n{}",
            loaded.skipped,
            summary(&loaded.problems)
        );
    }
    ensure!(
        !loaded.split.pairs.is_empty(),
        "{headline}: no pair can be used\n{}",
        loaded
            .notes
            .iter()
            .cloned()
            .chain([summary(&loaded.problems)])
            .collect::<Vec<_>>()
            .join("\n")
            .trim_end()
    );
    Ok(loaded)
}

/// The problems by kind, the first few of each.
pub(crate) fn summary(problems: &[Problem]) -> String {
    let mut by_fault: BTreeMap<Fault, Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        by_fault.entry(problem.fault).or_default().push(problem);
    }
    let mut lines = Vec::new();
    for (fault, problems) in by_fault {
        lines.push(format!("{} ({}):", fault.heading(), problems.len()));
        lines.extend(problems.iter().take(SHOWN).map(|problem| format!("  {problem}")));
        if problems.len() > SHOWN {
            lines.push(format!("  and {} more", problems.len() - SHOWN));
        }
    }
    lines.join("\n")
}

/// Each problem once: an image that is missing is missed by many pairs.
fn distinct(problems: impl Iterator<Item = Problem>) -> Vec<Problem> {
    let mut seen = HashSet::new();
    problems.filter(|problem| seen.insert(problem.to_string())).collect()
}

/// SHA-256 over what scores depend on, in hexadecimal: names below `root`, sizes, keypoints, boxes, flows.
pub(crate) fn fingerprint(pairs: &[Pair], root: &Path) -> String {
    let mut hash = Sha256::new();
    let side = |hash: &mut Sha256, image: &AnnotatedImage| {
        let name = image.path.strip_prefix(root).unwrap_or(&image.path).to_string_lossy();
        hash.update(name.as_bytes());
        hash.update([0]);
        let bounds = image.bounding_box.map(<[f64; 4]>::from);
        let numbers =
            [image.size.height as f64, image.size.width as f64, image.keypoints.len() as f64]
                .into_iter()
                .chain(image.keypoints.iter().flat_map(|point| [point.x, point.y]))
                .chain(bounds.into_iter().flatten());
        numbers.for_each(|number| hash.update(number.to_le_bytes()));
    };
    for pair in pairs {
        hash.update(pair.category.as_bytes());
        hash.update([0, u8::from(pair.mirrored)]);
        side(&mut hash, &pair.source);
        side(&mut hash, &pair.target);
        if let Truth::Flow(flow) = &pair.truth {
            hash.update(flow.digest);
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
