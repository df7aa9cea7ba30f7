//! What is in a dataset on disk, and what is wrong with it: the whole of it, images included.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::data::Pair;
use crate::data::catalog::{Catalog, Entry};
use crate::data::layouts::Layout;
use crate::data::load::{LoadedSplit, dataset_folder, read_split};
use crate::data::photo::decode_benchmark;
use crate::data::problem::{Fault, Problem};

/// Everything about a dataset.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Inspection {
    /// The name in the catalog.
    pub dataset: String,
    /// The name in print.
    pub title: String,
    /// How the files lie.
    pub layout: Layout,
    /// Where they lie.
    pub folder: PathBuf,
    /// The splits whose list is there.
    pub splits: Vec<SplitInspection>,
    /// The splits of the catalog whose list is not there.
    pub absent: Vec<String>,
    /// Photos with the same pixels in more than one split.
    pub shared_images: Vec<SharedImage>,
}

/// Everything about a split.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SplitInspection {
    /// The split's name.
    pub name: String,
    /// Pairs that can be used.
    pub pairs: usize,
    /// Image files in these pairs.
    pub images: usize,
    /// Different pictures among them.
    pub distinct_images: usize,
    /// Keypoints of all pairs together.
    pub keypoints: usize,
    /// Pairs of each category.
    pub categories: BTreeMap<String, usize>,
    /// SHA-256 over the pairs that can be used.
    pub fingerprint: String,
    /// Pairs that cannot be used.
    pub bad_pairs: usize,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
}

/// One picture in more than one split.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct SharedImage {
    /// Where it is: split and file.
    pub places: BTreeSet<(String, PathBuf)>,
}

/// One dataset of a catalog.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listing {
    /// What `--dataset` takes.
    pub name: String,
    /// What the catalog says of it.
    #[serde(flatten)]
    pub entry: Entry,
    /// Where it lies, or would.
    pub folder: PathBuf,
    /// The splits whose list is there.
    pub present: Vec<String>,
}

/// The datasets of a catalog, and what of them is there.
pub(crate) fn listing(catalog: &Catalog, data_root: &Path) -> Vec<Listing> {
    let listed = |(name, entry): (&str, &Entry)| {
        let folder = data_root.join(&entry.root);
        let (present, _) = present_and_absent(entry, &folder);
        Listing { name: name.to_owned(), entry: entry.clone(), folder, present }
    };
    catalog.entries().map(listed).collect()
}

/// The splits whose list is in the dataset's folder, and the others.
fn present_and_absent(entry: &Entry, folder: &Path) -> (Vec<String>, Vec<String>) {
    let names = entry.split_names().into_iter().map(str::to_owned);
    names.partition(|split| folder.join(&entry.splits[split]).is_file())
}

impl Inspection {
    /// Whether every pair of every split that is there can be used.
    pub(crate) fn is_sound(&self) -> bool {
        self.splits.iter().all(|split| split.problems.is_empty())
    }
}

/// Reads every split of the dataset `name` and decodes every image of it; `progress` is told how many
/// images of how many are done.
///
/// # Errors
/// When the dataset's folder is not there, holds none of its lists, or a list cannot be read.
pub(crate) fn inspect(
    name: &str,
    entry: &Entry,
    data_root: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Inspection> {
    let folder = dataset_folder(entry, data_root)?;
    let (present, absent) = present_and_absent(entry, &folder);
    ensure!(
        !present.is_empty(),
        "`{}` holds none of the lists of {}: {}",
        folder.display(),
        entry.title,
        entry.splits.values().map(|list| list.display().to_string()).collect::<Vec<_>>().join(", ")
    );
    let splits: Vec<LoadedSplit> = present
        .iter()
        .map(|split| read_split(name, entry, data_root, split))
        .collect::<Result<_>>()?;
    let pictures = decode_all(&splits, progress);
    Ok(Inspection {
        dataset: name.to_owned(),
        title: entry.title.clone(),
        layout: entry.layout,
        absent,
        shared_images: shared_images(&splits, &pictures),
        splits: splits.into_iter().map(|split| inspect_split(split, &pictures)).collect(),
        folder,
    })
}

/// A digest of each image's pixels, or why there are none.
type Pictures = HashMap<PathBuf, Result<[u8; 32], String>>;

fn decode_all(splits: &[LoadedSplit], progress: &(dyn Fn(usize, usize) + Sync)) -> Pictures {
    let paths: BTreeSet<&PathBuf> =
        splits.iter().flat_map(|loaded| images(&loaded.split.pairs)).collect();
    let (count, done) = (paths.len(), AtomicUsize::new(0));
    let decode = |path: &PathBuf| {
        let picture = decode_benchmark(path).map(|photo| {
            let size = [photo.width().to_le_bytes(), photo.height().to_le_bytes()].concat();
            Sha256::new().chain_update(size).chain_update(photo.as_raw()).finalize().into()
        });
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, count);
        (path.clone(), picture.map_err(|error| format!("{error:#}")))
    };
    paths.into_par_iter().map(decode).collect()
}

fn images(pairs: &[Pair]) -> impl Iterator<Item = &PathBuf> {
    pairs.iter().flat_map(|pair| [&pair.source.path, &pair.target.path])
}

fn inspect_split(loaded: LoadedSplit, pictures: &Pictures) -> SplitInspection {
    let LoadedSplit { split, mut problems, skipped } = loaded;
    let pairs = split.pairs;
    let files: BTreeSet<&PathBuf> = images(&pairs).collect();
    for path in &files {
        if let Err(detail) = &pictures[*path] {
            problems.push(Problem::of_file(Fault::Unreadable, path, detail));
        }
    }
    let decodes = |pair: &&Pair| {
        [&pair.source, &pair.target].iter().all(|image| pictures[&image.path].is_ok())
    };
    let usable: Vec<&Pair> = pairs.iter().filter(decodes).collect();
    let mut categories = BTreeMap::new();
    for pair in &usable {
        *categories.entry(pair.category.clone()).or_default() += 1;
    }
    let distinct: HashSet<&[u8; 32]> =
        files.iter().filter_map(|path| pictures[*path].as_ref().ok()).collect();
    SplitInspection {
        name: split.name,
        pairs: usable.len(),
        images: files.len(),
        distinct_images: distinct.len(),
        keypoints: usable.iter().map(|pair| pair.source.keypoints.len()).sum(),
        categories,
        fingerprint: split.fingerprint,
        bad_pairs: skipped + pairs.len() - usable.len(),
        problems,
    }
}

fn shared_images(splits: &[LoadedSplit], pictures: &Pictures) -> Vec<SharedImage> {
    let mut places: HashMap<&[u8; 32], BTreeSet<(String, PathBuf)>> = HashMap::new();
    for split in splits.iter().map(|loaded| &loaded.split) {
        for path in images(&split.pairs) {
            if let Ok(picture) = &pictures[path] {
                places.entry(picture).or_default().insert((split.name.clone(), path.clone()));
            }
        }
    }
    let mut shared: Vec<SharedImage> =
        places.into_values().map(|places| SharedImage { places }).collect();
    shared.retain(|image| {
        let mut splits = image.places.iter().map(|(split, _)| split);
        let first = splits.next();
        splits.any(|split| Some(split) != first)
    });
    shared.sort();
    shared
}
