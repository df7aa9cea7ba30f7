//! The annotation of cut-outs: which pictures show which animals, and where their parts are.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::RgbaImage;
use serde::Deserialize;

use crate::data::formats::text::read_text;
use crate::data::photo::decode_picture;
use crate::geometry::Point;
use crate::visible::{Shown, one_line};

/// The whole file.
#[derive(Debug, Deserialize)]
struct Annotations {
    categories: Vec<CategoryRecord>,
}

#[derive(Debug, Deserialize)]
struct CategoryRecord {
    name: String,
    keypoint_names: Vec<String>,
    images: Vec<ImageRecord>,
}

#[derive(Debug, Deserialize)]
struct ImageRecord {
    file: PathBuf,
    size: [u32; 2],
    facing: String,
    keypoints: Vec<Option<[f64; 2]>>,
}

/// Objects with the same named parts.
#[derive(Debug)]
pub(super) struct Category {
    /// Its name.
    pub name: String,
    /// The parts' names.
    pub parts: Vec<String>,
    /// For each part, the part it becomes when the picture is mirrored: left and right are the object's
    /// own.
    pub mirrored: Vec<usize>,
    /// The pictures.
    pub cutouts: Vec<Cutout>,
}

/// A picture of an object on transparent ground.
#[derive(Debug)]
pub(super) struct Cutout {
    /// The file's name without folder and ending.
    pub name: String,
    /// Names the individual or species: pictures of one animal are never split.
    pub animal: String,
    /// The picture.
    pub picture: RgbaImage,
    /// Whether the object faces left.
    pub faces_left: bool,
    /// Where each part is in the picture's pixels; `None` where it is hidden.
    pub keypoints: Vec<Option<Point>>,
}

/// Reads the annotation `file` and the pictures it names, which lie below `folder`.
///
/// # Errors
/// When a file cannot be read, or a record contradicts its picture or its category.
pub(super) fn read(file: &Path, folder: &Path) -> Result<Vec<Category>> {
    let context = || format!("reading the annotated cut-outs of `{}`", file.shown());
    let text = read_text(file).with_context(context)?;
    let annotations: Annotations = serde_json::from_str(&text).with_context(context)?;
    check(&annotations.categories).with_context(context)?;
    let category = |record: CategoryRecord| -> Result<Category> {
        let cutout = |image| Cutout::read(image, record.keypoint_names.len(), folder);
        Ok(Category {
            mirrored: mirrored_parts(&record.keypoint_names),
            cutouts: record.images.into_iter().map(cutout).collect::<Result<_>>()?,
            name: record.name,
            parts: record.keypoint_names,
        })
    };
    annotations.categories.into_iter().map(category).collect::<Result<_>>().with_context(context)
}

/// Whether categories can be folders, each of its own, with something to show.
fn check(categories: &[CategoryRecord]) -> Result<()> {
    ensure!(!categories.is_empty(), "it has no categories");
    let mut names = HashSet::new();
    for CategoryRecord { name, images, .. } in categories {
        let shown = one_line(name);
        let is_folder = Path::new(name).components().eq([Component::Normal(name.as_ref())]);
        ensure!(is_folder, "the category `{shown}` cannot be a folder's name");
        ensure!(names.insert(name), "the category `{shown}` stands there twice");
        ensure!(!images.is_empty(), "the category `{shown}` has no images");
    }
    Ok(())
}

impl Cutout {
    fn read(record: ImageRecord, parts: usize, folder: &Path) -> Result<Self> {
        let path = folder.join(&record.file);
        let picture = read_picture(&path)?;
        let of = format!("the record of `{}`", record.file.shown());
        ensure!(
            picture.dimensions() == (record.size[0], record.size[1]),
            "{of} is for a picture of {:?} pixels, not {:?}",
            record.size,
            picture.dimensions()
        );
        ensure!(
            record.keypoints.len() == parts,
            "{of} has {} keypoints, not {parts}",
            record.keypoints.len()
        );
        let stem = record.file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let animal = stem.split(['-', '_']).next().unwrap_or(stem).to_owned();
        let keypoints = record.keypoints.into_iter().map(|at| at.map(|[x, y]| Point::new(x, y)));
        Ok(Self {
            name: stem.replace('-', "_"),
            animal,
            picture,
            faces_left: record.facing == "left",
            keypoints: keypoints.collect(),
        })
    }
}

/// A picture with its transparency.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read_picture(path: &Path) -> Result<RgbaImage> {
    Ok(decode_picture(path)?.into_rgba8())
}

fn mirrored_parts(names: &[String]) -> Vec<usize> {
    let other = |name: &str| match name.split_once('_') {
        Some(("left", part)) => format!("right_{part}"),
        Some(("right", part)) => format!("left_{part}"),
        _ => name.to_owned(),
    };
    let find = |(own, name): (usize, &String)| {
        names.iter().position(|candidate| *candidate == other(name)).unwrap_or(own)
    };
    names.iter().enumerate().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_categories_stay_within_the_dataset() {
        let error = |categories: &str| {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("a.json");
            std::fs::write(&file, format!("{{\"categories\": [{categories}]}}")).unwrap();
            format!("{:#}", read(&file, folder.path()).unwrap_err())
        };
        let named = |name: &str| {
            format!(
                "{{\"name\": \"{name}\", \"keypoint_names\": [\"a\"], \"images\": [{{\"file\": \"x.png\", \
                     \"size\": [1, 1], \"facing\": \"left\", \"keypoints\": [null]}}]}}"
            )
        };
        for name in ["/tmp/x", "../x", "a/b", "..", "", "a/"] {
            assert!(error(&named(name)).contains("cannot be a folder's name"), "{name}");
        }
        assert!(error(&[named("a"), named("a")].join(",")).contains("stands there twice"));
        let empty = r#"{"name": "a", "keypoint_names": [], "images": []}"#;
        assert!(error(empty).contains("has no images"));
        assert!(error("").contains("has no categories"));
    }

    #[test]
    fn mirroring_exchanges_left_and_right_parts_and_keeps_the_others() {
        let names = ["nose", "left_eye", "right_eye", "left_ear"].map(str::to_owned);
        // The right ear has no name here, so the left one stays.
        assert_eq!(mirrored_parts(&names), [0, 2, 1, 3]);
    }
}
