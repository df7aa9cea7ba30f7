//! What is in a dataset on disk, and what is wrong with it: the whole of it, images included.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use rayon::prelude::*;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::data::Pair;
use crate::data::catalog::{Catalog, Entry};
use crate::data::completeness::{absent_list, to_fetch};
use crate::data::formats::EVERYTHING;
use crate::data::layouts::Layout;
use crate::data::leaks::{Known, Picture, SharedImage, Suspect, shared_images, suspects};
use crate::data::likeness::Likeness;
use crate::data::load::{Dataset, LoadedSplit, read_split};
use crate::data::locate::{dataset_folder, missing_lists};
use crate::data::photo::decode_annotated;
use crate::data::photo::orientation::{Exif, Turn};
use crate::data::problem::{Fault, Problem};
use crate::path_text::path_fields;

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
    #[serde(flatten, serialize_with = "folder_fields")]
    pub folder: PathBuf,
    /// The splits whose list is there.
    pub splits: Vec<SplitInspection>,
    /// The splits of the catalog whose list is not there.
    pub absent: Vec<String>,
    /// What of the dataset's folder is not there, or not all of it, and can be fetched.
    pub to_fetch: Vec<PathBuf>,
    /// Photos with the same pixels in more than one split.
    pub shared_images: Vec<SharedImage>,
    /// Photos of different splits that seem to show one picture.
    pub suspects: Vec<Suspect>,
    /// Photos whose EXIF orientation is not upright.
    pub turned: Vec<TurnedPhoto>,
    /// Whether that is applied.
    pub exif_applied: bool,
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
    /// Keypoints of all pairs together, or pixels that are measured instead.
    pub keypoints: usize,
    /// Pairs of each category.
    pub categories: BTreeMap<String, usize>,
    /// SHA-256 over the pairs that can be used.
    pub fingerprint: String,
    /// Pairs that cannot be used.
    pub bad_pairs: usize,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
    /// What is left out by rule, a sentence each.
    pub notes: Vec<String>,
}

/// A photo whose EXIF orientation is not upright.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TurnedPhoto {
    /// The file.
    #[serde(flatten, serialize_with = "photo_fields")]
    pub path: PathBuf,
    /// The orientation, from 2 to 8.
    pub orientation: Turn,
}

fn photo_fields<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    path_fields(["path", "path_escaped"], path, serializer)
}

fn folder_fields<S: Serializer>(folder: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    path_fields(["folder", "folder_escaped"], folder, serializer)
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
    #[serde(flatten, serialize_with = "folder_fields")]
    pub folder: PathBuf,
    /// The splits whose list is there.
    pub present: Vec<String>,
}

/// The datasets of a catalog, and what of them is there.
pub(crate) fn listing(catalog: &Catalog, data_root: &Path) -> Vec<Listing> {
    let listed = |(name, entry): (&str, &Entry)| {
        let folder = entry.folder(data_root);
        let (present, _) = present_and_absent(entry, &folder);
        Listing { name: name.to_owned(), entry: entry.clone(), folder, present }
    };
    catalog.entries().map(listed).collect()
}

/// The splits whose list is in the dataset's folder, and the others.
fn present_and_absent(entry: &Entry, folder: &Path) -> (Vec<String>, Vec<String>) {
    let names = entry.split_names().into_iter().map(str::to_owned);
    names.partition(|split| entry.is_there(folder, split))
}

impl Inspection {
    /// Whether every pair of every split that is there can be used.
    pub(crate) fn is_sound(&self) -> bool {
        self.splits.iter().all(|split| split.problems.is_empty())
    }

    /// Whether photos of one split are, or seem to be, in another.
    pub(crate) fn leaks(&self) -> bool {
        !self.shared_images.is_empty() || !self.suspects.is_empty()
    }
}

/// Reads every split of a dataset and decodes every image of it; `progress` is told how many
/// images of how many are done.
///
/// # Errors
/// When the dataset's folder is not there, holds none of its lists, or a list cannot be read.
pub(crate) fn inspect(
    dataset: &Dataset,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Inspection> {
    let &Dataset { name, entry, data_root, exif } = dataset;
    let folder = dataset_folder(name, entry, data_root)?;
    let (present, absent) = present_and_absent(entry, &folder);
    if present.is_empty() {
        let (_, list) = entry.split(&entry.default_split)?;
        if entry.layout.draws_pairs() || folder.join(list).is_dir() {
            // There is no list to be missing: reading says what is.
            read_split(dataset, &entry.default_split)?;
        }
        let lists: Vec<&Path> = entry.splits.values().map(PathBuf::as_path).collect();
        return Err(missing_lists(name, entry, &folder, &lists));
    }
    let splits: Vec<LoadedSplit> =
        present.iter().map(|split| read_split(dataset, split)).collect::<Result<_>>()?;
    let lists = absent.iter().map(|split| absent_list(split, &folder.join(&entry.splits[split])));
    let problems = splits.iter().flat_map(|split| split.problems.clone());
    let to_fetch = to_fetch(entry, &folder, &lists.chain(problems).collect::<Vec<_>>());
    let pictures = decode_all(&splits, exif, progress);
    let photos = known(&splits, &pictures);
    let mut turned: BTreeMap<PathBuf, Turn> = BTreeMap::new();
    splits.iter().for_each(|split| turned.extend(split.turned.clone()));
    let turned = turned.into_iter().map(|(path, orientation)| TurnedPhoto { path, orientation });
    Ok(Inspection {
        dataset: name.to_owned(),
        title: entry.title.clone(),
        layout: entry.layout,
        absent,
        to_fetch: to_fetch.into_iter().map(|file| file.makes.clone()).collect(),
        shared_images: shared_images(&photos),
        suspects: suspects(&photos),
        turned: turned.collect(),
        exif_applied: exif == Exif::Apply,
        splits: splits.into_iter().map(|split| inspect_split(split, &pictures)).collect(),
        folder,
    })
}

/// What is known of each image, or why nothing is.
type Pictures = HashMap<PathBuf, Result<Picture, String>>;

fn decode_all(
    splits: &[LoadedSplit],
    exif: Exif,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Pictures {
    let paths: BTreeSet<&PathBuf> =
        splits.iter().flat_map(|loaded| images(&loaded.split.pairs)).collect();
    let (count, done) = (paths.len(), AtomicUsize::new(0));
    let decode = |path: &PathBuf| {
        let picture = decode_annotated(path, exif).map(|photo| {
            let size = [photo.width().to_le_bytes(), photo.height().to_le_bytes()].concat();
            let digest = Sha256::new().chain_update(size).chain_update(photo.as_raw());
            Picture { digest: digest.finalize().into(), likeness: Likeness::of(&photo) }
        });
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, count);
        (path.clone(), picture.map_err(|error| format!("{error:#}")))
    };
    paths.into_par_iter().map(decode).collect()
}

fn images(pairs: &[Pair]) -> impl Iterator<Item = &PathBuf> {
    pairs.iter().flat_map(|pair| [&pair.source.path, &pair.target.path])
}

/// The photos of all splits that can be decoded; the split of everything shares its photos with all others.
fn known<'a>(splits: &'a [LoadedSplit], pictures: &'a Pictures) -> Vec<Known<'a>> {
    let of_split = |split: &'a LoadedSplit| {
        let split = &split.split;
        // `test_cross_species` is of the photos of `test`.
        let name = split.name.split('_').next().unwrap_or_default();
        images(&split.pairs).filter_map(move |path| {
            let picture = pictures[path].as_ref().ok()?;
            Some(Known { split: name, path, picture })
        })
    };
    splits.iter().filter(|split| split.split.name != EVERYTHING).flat_map(of_split).collect()
}

fn inspect_split(loaded: LoadedSplit, pictures: &Pictures) -> SplitInspection {
    let LoadedSplit { split, mut problems, skipped, notes, .. } = loaded;
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
        files.iter().filter_map(|path| Some(&pictures[*path].as_ref().ok()?.digest)).collect();
    SplitInspection {
        name: split.name,
        pairs: usable.len(),
        images: files.len(),
        distinct_images: distinct.len(),
        keypoints: usable.iter().map(|pair| pair.points()).sum(),
        categories,
        fingerprint: split.fingerprint,
        bad_pairs: skipped + pairs.len() - usable.len(),
        problems,
        notes,
    }
}
