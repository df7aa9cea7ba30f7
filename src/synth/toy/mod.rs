//! A small dataset of drawn objects in the layout of SPair-71k: something to try evaluation and
//! training on with nothing downloaded.
//!
//! Every photo shows an object of its own: another shape, colour, pattern, pose and background. What the
//! objects of a category share are their named parts, the keypoints.

mod objects;
mod scene;
mod sketch;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use indexmap::IndexMap;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use self::objects::CATEGORIES;
use self::scene::draw;
use crate::output;
use crate::synth::rendered::{self, Counter, Photo, Rendered, Watch, generator};
use crate::visible::Shown;

/// The name in the catalog, and the folder below the data root.
pub(crate) const NAME: &str = "toy";

/// Fewer common keypoints make no pair.
const FEWEST_KEYPOINTS: usize = 3;

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ToyOptions {
    /// Equal seeds give equal datasets.
    pub seed: u64,
    /// Photos of each category in the training split; validation and test have a third of it each, at
    /// least two.
    pub images: usize,
    /// Pairs of each category in each split, as far as there are so many.
    pub pairs: usize,
}

/// Draws the dataset into the new folder [`NAME`] of `folder`.
///
/// # Errors
/// When that folder exists and is not empty, or cannot be written.
pub(crate) fn make_toy(folder: &Path, options: ToyOptions, watch: Watch) -> Result<Rendered> {
    let root = folder.join(NAME);
    let fill = |stage: &Path| -> Result<Rendered> {
        let mut written = Rendered { folder: root.clone(), images: 0, pairs: IndexMap::new() };
        let held_out = (options.images / 3).max(2);
        let photos = CATEGORIES.len() * (options.images + 2 * held_out);
        let counter = Counter::new(photos, watch);
        let splits = [("trn", options.images), ("val", held_out), ("test", held_out)];
        for (split, (name, images)) in splits.into_iter().enumerate() {
            let mut pairs = Vec::new();
            for category in 0..CATEGORIES.len() {
                let first = split * options.images;
                let numbers = first..first + images;
                let photos = write_photos(stage, category, numbers, options, &counter)?;
                written.images += photos.len();
                pairs.extend(write_pairs(stage, (name, split), category, &photos, options)?);
            }
            rendered::write_list(stage, name, &pairs)?;
            written.pairs.insert(name, pairs.len());
        }
        Ok(written)
    };
    let attempt = || {
        ensure!(options.images >= 2, "a split needs two photos of each category at least");
        output::write_folder(&root, fill)
    };
    attempt().with_context(|| format!("writing the toy dataset `{}`", root.shown()))
}

/// Draws the photos of a category with these numbers, and writes them with their annotation.
fn write_photos(
    root: &Path,
    category: usize,
    numbers: std::ops::Range<usize>,
    options: ToyOptions,
    counter: &Counter,
) -> Result<Vec<Photo>> {
    let name = CATEGORIES[category].name;
    let write_photo = |number: usize| -> Result<Photo> {
        let random = &mut generator(options.seed, [1, category, number]);
        let scene = draw(&CATEGORIES[category], random);
        let photo = Photo::write(root, name, format!("{name}_{number:04}"), scene)?;
        counter.add();
        Ok(photo)
    };
    numbers.into_par_iter().map(write_photo).collect()
}

/// Chooses pairs of photos, writes their annotation, and gives their names.
fn write_pairs(
    root: &Path,
    (split, split_number): (&str, usize),
    category: usize,
    photos: &[Photo],
    options: ToyOptions,
) -> Result<Vec<String>> {
    let mut candidates: Vec<(&Photo, &Photo)> = photos
        .iter()
        .flat_map(|source| photos.iter().map(move |target| (source, target)))
        .filter(|(source, target)| source.name != target.name)
        .filter(|(source, target)| source.common(target).len() >= FEWEST_KEYPOINTS)
        .collect();
    candidates.shuffle(&mut generator(options.seed, [2, category, split_number]));
    candidates.truncate(options.pairs);
    candidates.sort_by_key(|(source, target)| (&source.name, &target.name));
    rendered::write_pairs(root, split, CATEGORIES[category].name, &candidates)
}
