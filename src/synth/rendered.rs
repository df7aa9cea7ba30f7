//! Made photos with their annotation, written in the layout of SPair-71k: what the drawn toy and the
//! composited cut-outs share.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use indexmap::IndexMap;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::json;

use crate::geometry::Point;
use crate::output;
use crate::visible::Shown;

const JPEG_QUALITY: u8 = 92;

/// Turned further apart than this, in degrees, two views differ in SPair-71k's sense.
const LARGE_TURN: f64 = 20.0;

/// Hears how many photos of how many are written.
pub(crate) type Watch<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Counts the photos that are written.
pub(crate) struct Counter<'a> {
    done: AtomicUsize,
    count: usize,
    watch: Watch<'a>,
}

impl<'a> Counter<'a> {
    /// None of `count` is written.
    pub(crate) fn new(count: usize, watch: Watch<'a>) -> Self {
        Self { done: AtomicUsize::new(0), count, watch }
    }

    /// One more is written.
    pub(crate) fn add(&self) {
        (self.watch)(1 + self.done.fetch_add(1, Ordering::Relaxed), self.count);
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rendered {
    /// The dataset's folder.
    pub folder: PathBuf,
    /// The number of photos.
    pub images: usize,
    /// The number of pairs in each split.
    pub pairs: IndexMap<&'static str, usize>,
}

/// A named part of the object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Keypoint {
    /// Its name in annotations.
    pub name: String,
    /// Where it is seen, in pixels; `None` where it is hidden or outside.
    pub visible: Option<Point>,
}

/// A made photo and everything that is known about it.
#[derive(Debug)]
pub(crate) struct Scene {
    /// The photo.
    pub photo: RgbImage,
    /// The object's parts, the same in the same order for all photos of a category.
    pub keypoints: Vec<Keypoint>,
    /// The visible part of the object: left, upper, right, lower pixel.
    pub bounds: [i64; 4],
    /// Whether the object faces left.
    pub faces_left: bool,
    /// Whether the photo's rim cuts a part off.
    pub truncated: bool,
    /// Whether something hides a part.
    pub occluded: bool,
    /// Clockwise, in degrees.
    pub rotation: f64,
    /// Of the whole object, in parts of the photo's longer side.
    pub extent: f64,
}

/// What stays of a scene once its photo is written.
#[derive(Debug)]
pub(crate) struct Photo {
    /// The file's name without its ending.
    pub name: String,
    size: [u32; 3],
    scene: Scene,
}

impl Scene {
    /// SPair-71k's grades: 0 easy, 1 medium, 2 hard.
    fn viewpoint_change(&self, other: &Self) -> u8 {
        match (self.faces_left == other.faces_left, (self.rotation - other.rotation).abs()) {
            (false, _) => 2,
            (true, angle) if angle > LARGE_TURN => 1,
            _ => 0,
        }
    }

    /// SPair-71k's grades: 0 easy, 1 medium, 2 hard.
    fn scale_change(&self, other: &Self) -> u8 {
        match (self.extent / other.extent).max(other.extent / self.extent) {
            ratio if ratio > 2.0 => 2,
            ratio if ratio > 1.4 => 1,
            _ => 0,
        }
    }

    fn pose(&self) -> &'static str {
        if self.faces_left { "Left" } else { "Right" }
    }

    fn visible(&self, id: usize) -> Option<[i64; 2]> {
        self.keypoints[id].visible.map(whole)
    }
}

impl Photo {
    /// Writes a scene's photo and its annotation below the dataset's folder `root`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write(root: &Path, category: &str, name: String, scene: Scene) -> Result<Self> {
        let mut jpeg = Vec::new();
        scene.photo.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY))?;
        write(&root.join("JPEGImages").join(category).join(format!("{name}.jpg")), &jpeg)?;
        let size = [scene.photo.width(), scene.photo.height(), 3];
        // Thousands of photos are kept until their pairs are chosen; their pixels need not be.
        let photo = Self { name, size, scene: Scene { photo: RgbImage::default(), ..scene } };
        let path = root.join("ImageAnnotation").join(category).join(format!("{}.json", photo.name));
        write(&path, photo.annotation(category).to_string().as_bytes())?;
        Ok(photo)
    }

    /// The keypoints that are visible in both photos.
    pub(crate) fn common(&self, other: &Self) -> Vec<usize> {
        let both = self.scene.keypoints.iter().zip(&other.scene.keypoints).enumerate();
        both.filter(|(_, (one, other))| one.visible.is_some() && other.visible.is_some())
            .map(|(id, _)| id)
            .collect()
    }

    fn annotation(&self, category: &str) -> serde_json::Value {
        let Self { name, size: [width, height, depth], scene } = self;
        let keypoints: serde_json::Map<_, _> = (0..scene.keypoints.len())
            .map(|id| (id.to_string(), json!(scene.visible(id))))
            .collect();
        json!({
            "filename": format!("{name}.jpg"),
            "image_width": width,
            "image_height": height,
            "image_depth": depth,
            "category": category,
            "pose": scene.pose(),
            "truncated": u8::from(scene.truncated),
            "occluded": u8::from(scene.occluded),
            "difficult": 0,
            "bndbox": scene.bounds,
            "kps": keypoints,
            "kps_names": scene.keypoints.iter().map(|keypoint| &keypoint.name).collect::<Vec<_>>(),
        })
    }
}

/// Writes the annotation of a category's pairs of one split, numbered from 1, and gives their names.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write_pairs(
    root: &Path,
    split: &str,
    category: &str,
    pairs: &[(&Photo, &Photo)],
) -> Result<Vec<String>> {
    let folder = root.join("PairAnnotation").join(split);
    let write_pair = |(number, (source, target)): (usize, &(&Photo, &Photo))| -> Result<String> {
        let name = format!("{number:06}-{}-{}:{category}", source.name, target.name);
        let annotation = pair_annotation(&name, number, category, source, target);
        write(&folder.join(format!("{name}.json")), annotation.to_string().as_bytes())?;
        Ok(name)
    };
    (1..).zip(pairs).map(write_pair).collect()
}

fn pair_annotation(
    name: &str,
    number: usize,
    category: &str,
    source: &Photo,
    target: &Photo,
) -> serde_json::Value {
    let common = source.common(target);
    let points = |photo: &Photo| -> Vec<[i64; 2]> {
        common.iter().filter_map(|&id| photo.scene.visible(id)).collect()
    };
    let (from, to) = (&source.scene, &target.scene);
    let either = |source: bool, target: bool| u8::from(source) + 2 * u8::from(target);
    json!({
        "pair_id": number,
        "filename": name,
        "src_imname": format!("{}.jpg", source.name),
        "trg_imname": format!("{}.jpg", target.name),
        "src_imsize": source.size,
        "trg_imsize": target.size,
        "src_bndbox": from.bounds,
        "trg_bndbox": to.bounds,
        "category": category,
        "src_pose": from.pose(),
        "trg_pose": to.pose(),
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

/// Writes a split's list of pair names.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_list(root: &Path, split: &str, pairs: &[String]) -> Result<()> {
    let list = root.join("Layout/large").join(format!("{split}.txt"));
    write(&list, (pairs.join("\n") + "\n").as_bytes())
}

/// Whole pixels, as SPair-71k has them.
fn whole(point: Point) -> [i64; 2] {
    [point.x.round() as i64, point.y.round() as i64]
}

/// Random numbers for one purpose, whatever was drawn for others.
pub(crate) fn generator(seed: u64, purpose: [usize; 3]) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    for (chunk, number) in
        bytes.chunks_exact_mut(8).zip([seed].into_iter().chain(purpose.map(|part| part as u64)))
    {
        chunk.copy_from_slice(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(bytes)
}

/// Writes a file, and the folders it lies in.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("creating `{}`", folder.shown()))?;
    }
    output::write(path, |file| Ok(file.write_all(bytes)?))
}
