//! A small dataset of drawn objects in the layout of SPair-71k: something to try evaluation and
//! training on with nothing downloaded.
//!
//! Every photo shows an object of its own: another shape, colour, pattern, pose and background. What the
//! objects of a category share are their named parts, the keypoints.

mod objects;
mod scene;
mod sketch;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::codecs::jpeg::JpegEncoder;
use indexmap::IndexMap;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use self::objects::CATEGORIES;
use self::scene::{Scene, draw};
use crate::atomic;
use crate::geometry::Point;

/// The name in the catalog, and the folder below the data root.
pub const NAME: &str = "toy";

/// Fewer common keypoints make no pair.
const FEWEST_KEYPOINTS: usize = 3;

const JPEG_QUALITY: u8 = 92;

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToyOptions {
    /// Equal seeds give equal datasets.
    pub seed: u64,
    /// Photos of each category in the training split; validation and test have a third of it each, at
    /// least two.
    pub images: usize,
    /// Pairs of each category in each split, as far as there are so many.
    pub pairs: usize,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToyDataset {
    /// The dataset's folder.
    pub folder: PathBuf,
    /// The number of photos.
    pub images: usize,
    /// The number of pairs in each split.
    pub pairs: IndexMap<&'static str, usize>,
}

/// A photo that is drawn and written.
struct Photo {
    name: String,
    scene: Scene,
}

/// Draws the dataset into the new folder [`NAME`] of `folder`.
///
/// # Errors
/// When that folder exists and is not empty, or cannot be written.
pub fn make_toy(folder: &Path, options: ToyOptions) -> Result<ToyDataset> {
    let root = folder.join(NAME);
    let attempt = || -> Result<ToyDataset> {
        ensure!(options.images >= 2, "a split needs two photos of each category at least");
        let taken = root.exists() && fs::read_dir(&root)?.next().is_some();
        ensure!(!taken, "the folder is not empty: delete it or choose another");
        let mut written = ToyDataset { folder: root.clone(), images: 0, pairs: IndexMap::new() };
        let held_out = (options.images / 3).max(2);
        let splits = [("trn", options.images), ("val", held_out), ("test", held_out)];
        for (split, (name, images)) in splits.into_iter().enumerate() {
            let mut pairs = Vec::new();
            for category in 0..CATEGORIES.len() {
                let first = split * options.images;
                let photos = write_photos(&root, category, first..first + images, options.seed)?;
                written.images += photos.len();
                pairs.extend(write_pairs(&root, (name, split), category, &photos, options)?);
            }
            let list = root.join("Layout/large").join(format!("{name}.txt"));
            write(&list, (pairs.join("\n") + "\n").as_bytes())?;
            written.pairs.insert(name, pairs.len());
        }
        Ok(written)
    };
    attempt().with_context(|| format!("writing the toy dataset `{}`", root.display()))
}

/// Draws the photos of a category with these numbers, and writes them with their annotation.
fn write_photos(
    root: &Path,
    category: usize,
    numbers: std::ops::Range<usize>,
    seed: u64,
) -> Result<Vec<Photo>> {
    let name = CATEGORIES[category].name;
    let write_photo = |number: usize| -> Result<Photo> {
        let scene = draw(&CATEGORIES[category], &mut generator(seed, [1, category, number]));
        let photo = Photo { name: format!("{name}_{number:04}"), scene };
        let mut jpeg = Vec::new();
        photo
            .scene
            .photo
            .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY))?;
        write(&root.join("JPEGImages").join(name).join(format!("{}.jpg", photo.name)), &jpeg)?;
        let annotation = image_annotation(name, &photo);
        let path = root.join("ImageAnnotation").join(name).join(format!("{}.json", photo.name));
        write(&path, annotation.to_string().as_bytes())?;
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
        .filter(|(source, target)| common(source, target).len() >= FEWEST_KEYPOINTS)
        .collect();
    candidates.shuffle(&mut generator(options.seed, [2, category, split_number]));
    candidates.truncate(options.pairs);
    candidates.sort_by_key(|(source, target)| (&source.name, &target.name));
    let category = CATEGORIES[category].name;
    let write_pair = |(number, (source, target)): (usize, &(&Photo, &Photo))| -> Result<String> {
        let name = format!("{:06}-{}-{}:{category}", number + 1, source.name, target.name);
        let path = root.join("PairAnnotation").join(split).join(format!("{name}.json"));
        let annotation = pair_annotation(&name, number + 1, category, source, target);
        write(&path, annotation.to_string().as_bytes())?;
        Ok(name)
    };
    candidates.iter().enumerate().map(write_pair).collect()
}

fn image_annotation(category: &str, photo: &Photo) -> serde_json::Value {
    let scene = &photo.scene;
    let keypoints: serde_json::Map<_, _> = (0..)
        .zip(&scene.keypoints)
        .map(|(id, keypoint): (usize, _)| (id.to_string(), json!(keypoint.visible.map(whole))))
        .collect();
    json!({
        "filename": format!("{}.jpg", photo.name),
        "image_width": scene.photo.width(),
        "image_height": scene.photo.height(),
        "image_depth": 3,
        "category": category,
        "pose": if scene.faces_left { "Left" } else { "Right" },
        "truncated": u8::from(scene.truncated),
        "occluded": u8::from(scene.occluded),
        "difficult": 0,
        "bndbox": scene.bounds,
        "kps": keypoints,
        "kps_names": scene.keypoints.iter().map(|keypoint| keypoint.name).collect::<Vec<_>>(),
    })
}

fn pair_annotation(
    name: &str,
    number: usize,
    category: &str,
    source: &Photo,
    target: &Photo,
) -> serde_json::Value {
    let common = common(source, target);
    let points = |photo: &Photo| -> Vec<[i64; 2]> {
        common.iter().filter_map(|&id| photo.scene.keypoints[id].visible).map(whole).collect()
    };
    let size = |photo: &Photo| [photo.scene.photo.width(), photo.scene.photo.height(), 3];
    let (from, to) = (&source.scene, &target.scene);
    let either = |source: bool, target: bool| u8::from(source) + 2 * u8::from(target);
    json!({
        "pair_id": number,
        "filename": name,
        "src_imname": format!("{}.jpg", source.name),
        "trg_imname": format!("{}.jpg", target.name),
        "src_imsize": size(source),
        "trg_imsize": size(target),
        "src_bndbox": from.bounds,
        "trg_bndbox": to.bounds,
        "category": category,
        "src_pose": if from.faces_left { "Left" } else { "Right" },
        "trg_pose": if to.faces_left { "Left" } else { "Right" },
        "src_kps": points(source),
        "trg_kps": points(target),
        "kps_ids": common.iter().map(usize::to_string).collect::<Vec<_>>(),
        "mirror": 0,
        "viewpoint_variation": from.viewpoint_change(to),
        "scale_variation": from.scale_change(to),
        "truncation": either(from.truncated, to.truncated),
        "occlusion": either(from.occluded, to.occluded),
    })
}

/// The keypoints that are visible in both photos.
fn common(source: &Photo, target: &Photo) -> Vec<usize> {
    let both = source.scene.keypoints.iter().zip(&target.scene.keypoints).enumerate();
    both.filter(|(_, (source, target))| source.visible.is_some() && target.visible.is_some())
        .map(|(id, _)| id)
        .collect()
}

/// Whole pixels, as SPair-71k has them.
fn whole(point: Point) -> [i64; 2] {
    [point.x.round() as i64, point.y.round() as i64]
}

/// Random numbers for one purpose, whatever was drawn for others.
fn generator(seed: u64, purpose: [usize; 3]) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    for (chunk, number) in
        bytes.chunks_exact_mut(8).zip([seed].into_iter().chain(purpose.map(|part| part as u64)))
    {
        chunk.copy_from_slice(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(bytes)
}

/// A number of a range, as [`RngExt::random_range`] but short to write in drawings.
fn between(random: &mut ChaCha8Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * random.random::<f32>()
}

/// Writes a file, and the folders it lies in.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("creating `{}`", folder.display()))?;
    }
    atomic::write(path, |file| Ok(file.write_all(bytes)?))
}
