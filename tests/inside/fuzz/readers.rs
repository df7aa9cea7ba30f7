//! The readers.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

use super::{Reader, fuzz};
use crate::data::Pair;
use crate::data::catalog::Catalog;
use crate::data::flo;
use crate::data::formats::{Draw, Request, mat};
use crate::data::layouts::Layout;
use crate::data::outline::Mask;
use crate::data::photo::file::PhotoFile;
use crate::data::photo::header::image_size;
use crate::data::photo::images::ImageSizes;
use crate::data::photo::labels::LabelMap;
use crate::data::photo::orientation::Exif;
use crate::data::photo::{decode_benchmark, decode_photo};
use crate::data::settings_file::PARSER_FACTOR;
use crate::eval::predictions;
use crate::eval::report::Report;
use crate::geometry::{Point, Size};
use crate::inside::process::in_own_process;
use crate::model::weights;
use crate::model::weights::pytorch::plain;
use crate::predict::annotation::shapes::Carry;
use crate::predict::annotation::{Annotation, Drawn};
use crate::predict::keypoints::Keypoints;
use crate::predict::pair_list;
use crate::train::folder::read_config;

/// Pixels beyond which decoding takes longer than it tells; limits for larger photos have tests of their own.
const MOST_PIXELS: u64 = 1 << 20;

fn nothing(_: &Path, _: &[u8]) -> u64 {
    0
}

/// An entry for each line of a list, with what is wrong with it.
fn entries_of(_: &Path, bytes: &[u8]) -> u64 {
    1536 * bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64
}

/// What the parser of TOML takes beyond what others do; files are limited in size therefore.
fn parsed(_: &Path, bytes: &[u8]) -> u64 {
    PARSER_FACTOR * bytes.len() as u64
}

/// Runs the reader under its name.
macro_rules! readers {
    ($($name:ident: $read:expr, $further:expr;)*) => {
        $(#[test]
        fn $name() {
            // The traces of errors would be counted with what readers take.
            in_own_process(&[("RUST_LIB_BACKTRACE", "0")], || {
                fuzz(&Reader { name: stringify!($name), read: $read, further: $further });
            });
        })*
    };
}

readers! {
    annotation: |path| split("spair71k", path).map(drop), nothing;
    willow: |path| split("pf-willow", path).map(drop), entries_of;
    coco: |path| split("coco", path).map(drop), nothing;
    caltech: |path| split("caltech-101", path).map(drop), entries_of;
    keypoints: |path| Keypoints::read(path).map(drop), nothing;
    list: |path| pair_list::read(path).map(drop), entries_of;
    predictions: read_predictions, nothing;
    matlab: |path| mat::parse(&fs::read(path)?).map(drop), nothing;
    checkpoint: |path| weights::read(path).map(drop), nothing;
    arguments: |path| plain::read(path).map(drop), nothing;
    safetensors: |path| weights::read(path).map(drop), nothing;
    photo: read_photo, pixels_of;
    report: |path| Report::read(path).map(drop), nothing;
    catalog: |path| Catalog::load(Some(path)).map(drop), parsed;
    flow: |path| flo::read(path).map(drop), nothing;
    configuration: |path| read_config(path).map(drop), parsed;
    labels: |path| LabelMap::of_png(&fs::read(path)?).map(drop), labels_of;
    shapes: read_shapes, nothing;
}

/// The pairs of a list, or of one annotation, in a folder beside it.
fn split(layout: &str, path: &Path) -> Result<Vec<Pair>> {
    let root = path.parent().context("the file has no folder")?.join("tree");
    let (annotations, photos) = (root.join("PairAnnotation/test"), root.join("JPEGImages/cat"));
    let list = root.join("test.txt");
    if !list.exists() {
        fs::create_dir_all(&annotations)?;
        for folder in [photos, root.join("cat")] {
            fs::create_dir_all(&folder)?;
            for name in ["a.png", "b.png"] {
                image::RgbImage::new(64, 48).save(folder.join(name))?;
            }
        }
        fs::write(&list, "pair\n")?;
    }
    fs::copy(path, annotations.join("pair.json"))?;
    let list = if layout == "spair71k" { &list } else { path };
    let sizes = ImageSizes::default();
    let request = Request {
        root: &root,
        list,
        split: "test",
        sharing: &["test"],
        draw: Draw::default(),
        categories: &[],
        sizes: &sizes,
    };
    let contents = layout.parse::<Layout>()?.read(&request)?;
    Ok(contents.records.into_iter().filter_map(Result::ok).collect())
}

fn read_predictions(path: &Path) -> Result<()> {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    let pairs = PAIRS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("annotation.json");
        fs::write(&copy, include_bytes!("seeds/annotation/spair.json")).unwrap();
        split("spair71k", &copy).unwrap()
    });
    ensure!(!pairs.is_empty(), "the annotation is no longer read");
    predictions::read(path, pairs, &[], Path::new(""), true).map(drop)
}

/// Both ways in which photos are read.
fn read_photo(path: &Path) -> Result<()> {
    if image_size(path)?.area() as u64 > MOST_PIXELS {
        return Ok(());
    }
    decode_benchmark(path)?;
    decode_photo(&PhotoFile::read(path)?, Exif::Apply, false).map(drop)
}

/// Labels as they are stored and one by one.
fn labels_of(path: &Path, _: &[u8]) -> u64 {
    16 * image_size(path).map_or(0, |size| size.area() as u64)
}

/// What is drawn on a photo, and as it comes to another of the same size.
fn read_shapes(path: &Path) -> Result<()> {
    struct Stays;

    impl Carry for Stays {
        fn target(&self) -> Size {
            Size::new(24, 32)
        }

        fn mask(&self, mask: &Mask) -> Mask {
            mask.clone()
        }

        fn point(&self, point: Point) -> Option<Point> {
            Some(point)
        }
    }

    let annotation = Annotation::read(path, Path::new("a.jpg"), Exif::Apply)?;
    let Drawn::Shapes(shapes) = &annotation.drawn else { return Ok(()) };
    shapes.carried(Stays.target(), &Stays, path).map(drop)
}

/// Three copies of the pixels at 8 bytes each, the most that a format holds.
fn pixels_of(path: &Path, _: &[u8]) -> u64 {
    24 * image_size(path).map_or(0, |size| size.area() as u64).min(MOST_PIXELS)
}
