//! AP-10K as GeoAware-SC's and MARCO's scripts prepare it: a folder of pairs for each split, of which each names two
//! annotations in COCO's manner (Yu et al. 2021; Zhang et al. 2024).
//!
//! Keypoints and boxes are taken as they are, within the photo or not, as the authors do.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rayon::prelude::*;
use serde::Deserialize;

use crate::data::formats::check::finite;
use crate::data::formats::text::{json_files, last_parts, read_text};
use crate::data::formats::{Annotations, Contents, Format, Record, Request};
use crate::data::parts::Part;
use crate::data::photo::images::ImageSizes;
use crate::data::problem::{Fault, Problem};
use crate::data::truth::{Truth, TruthKind};
use crate::data::{AnnotatedImage, Pair};
use crate::geometry::{BoundingBox, Point, Size};
use crate::visible::one_line;

/// A pair: the paths of two annotations, as they were where the dataset was prepared.
#[derive(Debug, Deserialize)]
struct Named {
    src_json_path: String,
    trg_json_path: String,
}

/// The parts of a photo's annotation that matter here.
#[derive(Clone, Debug, Deserialize)]
struct Animal {
    width: usize,
    height: usize,
    /// Left, upper edge, width, height.
    bbox: [f64; 4],
    /// Three numbers a keypoint: x, y, and 0 where it is not labelled.
    keypoints: Vec<f64>,
}

/// What the keypoints are (Yu et al. 2021, table 1).
pub(crate) const PARTS: [&str; 17] = [
    "left eye",
    "right eye",
    "nose",
    "neck",
    "root of tail",
    "left shoulder",
    "left elbow",
    "left front paw",
    "right shoulder",
    "right elbow",
    "right front paw",
    "left hip",
    "left knee",
    "left back paw",
    "right hip",
    "right knee",
    "right back paw",
];

/// The layout.
#[derive(Debug)]
pub(crate) struct Ap10k;

impl Format for Ap10k {
    fn name(&self) -> &'static str {
        "ap-10k"
    }

    fn annotations(&self) -> Annotations {
        Annotations { object_boxes: true, truth: TruthKind::Keypoints }
    }

    fn is_there(&self, list: &Path, _: &str) -> bool {
        list.is_dir()
    }

    fn read(&self, &Request { root, list, sizes, .. }: &Request) -> Result<Contents> {
        let files = json_files(list)?;
        let named: Vec<Result<[String; 2]>> = files.par_iter().map(|file| named(file)).collect();
        let mut names: Vec<&String> = named.iter().flatten().flatten().collect();
        names.sort();
        names.dedup();
        let read = |name: &&String| ((*name).clone(), side(root, name, sizes));
        let animals: HashMap<String, Side> = names.par_iter().map(read).collect();
        let record = |(index, (file, names)): (usize, (&PathBuf, &Result<[String; 2]>))| -> Record {
            let names = names.as_ref().map_err(|error| {
                vec![Problem::of_file(Fault::Unreadable, file, format!("{error:#}"))]
            })?;
            pair(index, file, names, names.each_ref().map(|name| &animals[name]))
        };
        let records = files.iter().zip(&named).enumerate().map(record).collect();
        let animals = names.iter().map(|name| root.join("ImageAnnotation").join(name));
        let annotations = animals.chain(files.iter().cloned()).collect();
        Ok(Contents { records, annotations, notes: Vec::new() })
    }
}

/// The two annotations of a pair, as `FAMILY/SPECIES/NAME.json`.
fn named(file: &Path) -> Result<[String; 2]> {
    let Named { src_json_path, trg_json_path } = serde_json::from_str(&read_text(file)?)?;
    let below = |path: &str| -> Result<String> {
        let parts = last_parts::<3>(path);
        let parts = parts
            .with_context(|| format!("`{}` is no family, species and file", one_line(path)))?;
        Ok(parts.join("/"))
    };
    Ok([below(&src_json_path)?, below(&trg_json_path)?])
}

/// A photo with all keypoints of an animal, `None` where one is not labelled.
type Side = Result<(AnnotatedImage, Vec<Option<Point>>), Problem>;

fn side(root: &Path, name: &str, sizes: &ImageSizes) -> Side {
    let file = root.join("ImageAnnotation").join(name);
    let fault = |fault, detail| Problem::of_file(fault, &file, detail);
    if !file.is_file() {
        return Err(fault(Fault::Missing, "no such annotation".to_owned()));
    }
    let animal = read_text(&file).and_then(|text| Ok(serde_json::from_str::<Animal>(&text)?));
    let Animal { width, height, bbox: [left, top, wide, high], keypoints } =
        animal.map_err(|error| fault(Fault::Unreadable, format!("{error:#}")))?;
    if !keypoints.len().is_multiple_of(3) {
        let detail = format!("{} numbers of keypoints instead of a multiple of 3", keypoints.len());
        return Err(fault(Fault::WrongCount, detail));
    }
    let path = root.join("JPEGImages").join(name).with_extension("jpg");
    let (size, annotated) = (sizes.of(&path)?, Size::new(height, width));
    if size != annotated {
        let hint = sizes.hint(&path, annotated);
        let detail = format!("annotated as {annotated}, is {size}{hint}");
        return Err(Problem::of_file(Fault::WrongSize, &path, detail));
    }
    let point = |three: &[f64]| (three[2] > 0.0).then(|| Point::new(three[0], three[1]));
    let keypoints: Vec<Option<Point>> = keypoints.chunks_exact(3).map(point).collect();
    let bounds = BoundingBox { x1: left, y1: top, x2: left + wide, y2: top + high };
    let image = AnnotatedImage { path, size, keypoints: Vec::new(), bounding_box: Some(bounds) };
    Ok((image, keypoints))
}

/// A pair's keypoints are those labelled in both photos; its category is what the pair's file is called after the
/// names of both.
fn pair(index: usize, file: &Path, names: &[String; 2], sides: [&Side; 2]) -> Record {
    let [(source, first), (target, second)] = match sides {
        [Ok(source), Ok(target)] => [source, target],
        [source, target] => {
            return Err([source, target]
                .into_iter()
                .filter_map(|side| side.clone().err())
                .collect());
        }
    };
    let labelled = first.iter().zip(second).enumerate();
    let (parts, both): (Vec<usize>, Vec<[Point; 2]>) =
        labelled.filter_map(|(part, (one, other))| Some((part, [(*one)?, (*other)?]))).unzip();
    let part = |number: usize| match PARTS.get(number) {
        Some(name) => Part::new(*name),
        None => Part::new(number.to_string()),
    };
    let side = |image: &AnnotatedImage, which: usize| {
        let keypoints = both.iter().map(|points| points[which]).collect();
        AnnotatedImage { keypoints, ..image.clone() }
    };
    let pair = Pair {
        index,
        category: category(file, names),
        source: side(source, 0),
        target: side(target, 1),
        parts: parts.into_iter().map(part).collect(),
        difficulty: None,
        mirrored: false,
        truth: Truth::Keypoints,
    };
    finite(pair, file)
}

/// `cat` of `000000000012-000000000345:cat.json`, whatever stands for the colon in this copy.
fn category(file: &Path, names: &[String; 2]) -> String {
    let stem = |name: &String| {
        Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned()
    };
    let called = file.file_stem().unwrap_or_default().to_string_lossy();
    let rest = called.strip_prefix(&names.each_ref().map(stem).join("-")).unwrap_or(&called);
    rest.chars().skip(1).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::data::formats::Draw;

    /// A tree as the authors' scripts write it: two lions and a domestic cat.
    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: String, text: String| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let mut keypoints = vec![0.0; 51];
        for (name, labelled) in [("lion/1", 0..4), ("lion/2", 2..6), ("cat/3", 3..9)] {
            keypoints.fill(0.0);
            for part in labelled {
                keypoints[3 * part..3 * part + 3].copy_from_slice(&[part as f64, 45.0, 2.0]);
            }
            let animal = json!({
                "width": 40, "height": 30, "bbox": [-3, 2, 30.5, 20], "keypoints": keypoints, "num_keypoints": 4,
            });
            write(format!("ImageAnnotation/Felidae/{name}.json"), animal.to_string());
            let photo = folder.path().join(format!("JPEGImages/Felidae/{name}.jpg"));
            fs::create_dir_all(photo.parent().unwrap()).unwrap();
            image::RgbImage::new(40, 30).save(photo).unwrap();
        }
        let path = |name: &str| format!("/home/me/data/ap-10k/ImageAnnotation/Felidae/{name}.json");
        let pair = |source: &str, target: &str| {
            json!({"src_json_path": path(source), "trg_json_path": path(target)}).to_string()
        };
        write("PairAnnotation/test/1-2:lion.json".into(), pair("lion/1", "lion/2"));
        write("PairAnnotation/test/2-1_lion.json".into(), pair("lion/2", "lion/1"));
        write("PairAnnotation/test/2-3:Felidae.json".into(), pair("lion/2", "cat/3"));
        write("PairAnnotation/test/2-4:lion.json".into(), pair("lion/2", "lion/4"));
        folder
    }

    #[test]
    fn pairs_of_a_folder_have_the_keypoints_labelled_in_both_annotations() {
        let folder = tree();
        let list = folder.path().join("PairAnnotation/test");
        let sizes = ImageSizes::default();
        let request = Request {
            root: folder.path(),
            list: &list,
            split: "test",
            sharing: &["test"],
            draw: Draw::default(),
            categories: &[],
            sizes: &sizes,
        };
        let contents = Ap10k.read(&request).unwrap();
        let (pairs, faulty): (Vec<_>, Vec<_>) =
            contents.records.iter().partition(|record| record.is_ok());
        let pairs: Vec<&Pair> = pairs.into_iter().flatten().collect();
        let categories: Vec<&str> = pairs.iter().map(|pair| &*pair.category).collect();
        assert_eq!(categories, ["lion", "lion", "Felidae"]);
        assert_eq!(pairs[0].source.keypoints, [Point::new(2.0, 45.0), Point::new(3.0, 45.0)]);
        assert_eq!(pairs[0].target.bounding_box.unwrap().longer_side(), 30.5);
        assert!(pairs[2].target.path.ends_with("JPEGImages/Felidae/cat/3.jpg"));
        let problems = faulty[0].as_ref().unwrap_err();
        assert_eq!((faulty.len(), problems[0].fault), (1, Fault::Missing));
        assert_eq!(contents.annotations.len(), 3 + 1 + 4);
    }
}
