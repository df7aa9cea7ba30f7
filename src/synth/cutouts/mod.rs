//! Training pairs from annotated cut-outs: photos of animals on transparent ground, with named keypoints,
//! are laid onto photos in random poses.
//!
//! Two animals of one category share parts though they look different: what a pair teaches is what the
//! parts mean, not how one object looks from two sides.

mod annotations;
mod scene;
mod sprite;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::imageops::FilterType;
use image::{DynamicImage, RgbaImage};
use indexmap::IndexMap;
use rand::RngExt;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use self::annotations::{Category, Cutout, read, read_picture};
use self::scene::{Stage, compose};
use crate::data::formats::text::read_text;
use crate::data::photo::decode_picture;
use crate::data::photo::images::photos_below;
use crate::output;
use crate::synth::rendered::{self, Counter, Photo, Rendered, Watch, generator};
use crate::visible::Shown;

/// The name in the catalog, and the folder below the data root.
pub(crate) const NAME: &str = "cutouts";

/// Fewer common keypoints make no pair.
const FEWEST_KEYPOINTS: usize = 5;

/// One animal in so many is kept for validation.
const VALIDATION_SHARE: usize = 5;

/// Backgrounds are kept no larger than this, in pixels a side.
const LARGEST_BACKGROUND: u32 = 1600;

/// What to composite.
#[derive(Clone, Debug)]
pub(crate) struct CutoutOptions {
    /// Equal seeds give equal datasets.
    pub seed: u64,
    /// The keypoints of the cut-outs.
    pub annotations: PathBuf,
    /// The folder that the annotation's file names start from.
    pub cutouts: PathBuf,
    /// A folder with photos to lay the cut-outs onto.
    pub backgrounds: PathBuf,
    /// A list of further pictures below `cutouts`, one a line, that lie about in the scenes.
    pub others: Option<PathBuf>,
    /// Photos made of each animal.
    pub renderings: usize,
    /// Pairs in the training split; validation has a fifth.
    pub pairs: usize,
}

/// Composites the dataset into the new folder [`NAME`] of `folder`: splits `trn` and `val`, which share
/// no animal.
///
/// # Errors
/// When a picture cannot be read, or that folder exists and is not empty, or cannot be written.
pub(crate) fn make_cutouts(
    folder: &Path,
    options: &CutoutOptions,
    watch: Watch,
) -> Result<Rendered> {
    let root = folder.join(NAME);
    let fill = |stage_folder: &Path| -> Result<Rendered> {
        let categories = read(&options.annotations, &options.cutouts)?;
        let stage = stage(options)?;
        let all: usize = categories.iter().map(|category| category.cutouts.len()).sum();
        let counter = Counter::new(all * options.renderings, watch);
        let mut written = Rendered { folder: root.clone(), images: 0, pairs: IndexMap::new() };
        for (split, count) in [("trn", options.pairs), ("val", options.pairs.div_ceil(5))] {
            let mut pairs = Vec::new();
            for (number, category) in categories.iter().enumerate() {
                let held_out = held_out(category);
                let in_split =
                    |cutout: &&Cutout| held_out.contains(&cutout.animal) == (split == "val");
                let cutouts: Vec<&Cutout> = category.cutouts.iter().filter(in_split).collect();
                let share = (count * category.cutouts.len()).div_ceil(all);
                let place = Place { root: stage_folder, split, number, options, counter: &counter };
                let photos = place.write_photos(category, &cutouts, &stage)?;
                written.images += photos.iter().map(Vec::len).sum::<usize>();
                pairs.extend(place.write_pairs(category, &photos, share)?);
            }
            ensure!(
                !pairs.is_empty(),
                "no pair for `{split}`: some category needs two animals there, with {FEWEST_KEYPOINTS} parts in \
                 common (`val` keeps one of {VALIDATION_SHARE} animals of each, `trn` has the others)"
            );
            rendered::write_list(stage_folder, split, &pairs)?;
            written.pairs.insert(split, pairs.len());
        }
        Ok(written)
    };
    output::write_folder(&root, fill)
        .with_context(|| format!("writing the cut-outs dataset `{}`", root.shown()))
}

/// The animals of a category that validation keeps; which ones depends on their names alone.
fn held_out(category: &Category) -> BTreeSet<String> {
    let animals: BTreeSet<&String> = category.cutouts.iter().map(|cutout| &cutout.animal).collect();
    let mut animals: Vec<&String> = animals.into_iter().collect();
    animals.sort_by_cached_key(|animal| Sha256::digest(animal.as_bytes()));
    let count = animals.len().div_ceil(VALIDATION_SHARE);
    animals.into_iter().take(count).cloned().collect()
}

fn stage(options: &CutoutOptions) -> Result<Stage> {
    let background = |path: &PathBuf| -> Result<DynamicImage> {
        let photo = decode_picture(path)?;
        let photo = if photo.width().max(photo.height()) > LARGEST_BACKGROUND {
            photo.resize(LARGEST_BACKGROUND, LARGEST_BACKGROUND, FilterType::Triangle)
        } else {
            photo
        };
        Ok(photo.into_rgb8().into())
    };
    let paths = photos_below(&options.backgrounds)?;
    ensure!(!paths.is_empty(), "there is no photo below `{}`", options.backgrounds.shown());
    let backgrounds = paths.par_iter().map(background).collect::<Result<Vec<_>>>()?;
    let others = match &options.others {
        None => Vec::new(),
        Some(list) => {
            let text =
                read_text(list).with_context(|| format!("reading the list `{}`", list.shown()))?;
            let names: Vec<&str> =
                text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let read = |name: &&str| read_picture(&options.cutouts.join(name));
            names.par_iter().map(read).collect::<Result<Vec<RgbaImage>>>()?
        }
    };
    Ok(Stage { backgrounds, others })
}

/// One category of one split on its way to the disk.
struct Place<'a> {
    root: &'a Path,
    split: &'a str,
    number: usize,
    options: &'a CutoutOptions,
    counter: &'a Counter<'a>,
}

impl Place<'_> {
    fn is_validation(&self) -> usize {
        usize::from(self.split == "val")
    }

    /// The photos of each animal.
    fn write_photos(
        &self,
        category: &Category,
        cutouts: &[&Cutout],
        stage: &Stage,
    ) -> Result<Vec<Vec<Photo>>> {
        let renderings = self.options.renderings;
        let write = |index: usize| -> Result<Photo> {
            let (cutout, rendering) = (cutouts[index / renderings], index % renderings);
            let purpose = [2 * self.number + self.is_validation(), 1, index];
            let scene =
                compose(category, cutout, stage, &mut generator(self.options.seed, purpose));
            let name = format!("{}_{rendering:03}", cutout.name);
            let photo = Photo::write(self.root, &category.name, name, scene)?;
            self.counter.add();
            Ok(photo)
        };
        let photos: Vec<Photo> =
            (0..cutouts.len() * renderings).into_par_iter().map(write).collect::<Result<_>>()?;
        let mut photos = photos.into_iter();
        Ok(cutouts.iter().map(|_| photos.by_ref().take(renderings).collect()).collect())
    }

    /// Draws pairs of different animals, so that every animal is as often a source as any other.
    fn write_pairs(
        &self,
        category: &Category,
        photos: &[Vec<Photo>],
        count: usize,
    ) -> Result<Vec<String>> {
        if photos.len() < 2 {
            return Ok(Vec::new());
        }
        let purpose = [2 * self.number + self.is_validation(), 2, 0];
        let mut random = generator(self.options.seed, purpose);
        let mut chosen = BTreeSet::new();
        // Some draws repeat or share too few parts; a small dataset may not give `count` pairs.
        for draw in 0..20 * count {
            if chosen.len() == count {
                break;
            }
            let source = draw % photos.len();
            let target = (source + random.random_range(1..photos.len())) % photos.len();
            let mut view = |animal: usize| random.random_range(0..photos[animal].len());
            let pair = [(source, view(source)), (target, view(target))];
            let [from, to] = pair.map(|(animal, view)| &photos[animal][view]);
            if from.common(to).len() >= FEWEST_KEYPOINTS {
                chosen.insert(pair);
            }
        }
        let photo = |(animal, view): (usize, usize)| &photos[animal][view];
        let pairs: Vec<(&Photo, &Photo)> =
            chosen.into_iter().map(|[source, target]| (photo(source), photo(target))).collect();
        rendered::write_pairs(self.root, self.split, &category.name, &pairs)
    }
}
