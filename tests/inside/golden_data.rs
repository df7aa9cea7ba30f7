//! What the loaders yield against the official code's numbers, on real data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::data::catalog::Catalog;
use crate::data::load::{Dataset, Split, load_split};
use crate::data::photo::decode_benchmark;
use crate::data::photo::header::image_size;
use crate::data::photo::resize::resize_like_pillow;
use crate::data::{AnnotatedImage, Pair};
use crate::eval::protocol::rules::MeasureFrame;
use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::inside::shared_data::{self, GOLDEN_SPLITS};
use crate::train::samples::augment::mirror_keypoint;
use crate::train::samples::target::FlowGrid;

const FRAME: usize = 512;

/// A loaded split with its golden numbers.
struct Case {
    golden: Value,
    split: Split,
    categories: Vec<String>,
    root: PathBuf,
}

fn cases() -> Vec<Case> {
    let (Some(golden), Some(data)) = (shared_data::golden(), shared_data::data()) else {
        return Vec::new();
    };
    let catalog = Catalog::load(None).unwrap();
    let case = |(name, dataset, split, root): (&str, &str, &str, &str)| {
        let text = std::fs::read(golden.join("datasets").join(format!("{name}.json"))).unwrap();
        let golden: Value = serde_json::from_slice(&text).unwrap();
        let entry = catalog.get(dataset).unwrap();
        let split = load_split(&Dataset::new(dataset, entry, &data.join(root)), split, false)
            .unwrap()
            .split;
        let root = data.join(golden["dataset_dir"].as_str().unwrap());
        Case { golden, split, categories: entry.categories.clone(), root }
    };
    GOLDEN_SPLITS.map(case).into()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn index(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn size_from_wh(value: &Value) -> Size {
    Size::new(index(&value[1]), index(&value[0]))
}

/// Points of an image in the frame, mirrored if the pair is.
fn in_frame(points: &[Point], image: Size, mirrored: bool) -> Vec<Point> {
    let place =
        |&point: &Point| match MeasureFrame::Paper512.placed(image).frame_from_original(point) {
            point if mirrored => mirror_keypoint(point, Size::square(FRAME)),
            point => point,
        };
    points.iter().map(place).collect()
}

/// The target flow of a pair.
fn target_flow(pair: &Pair) -> Flow {
    let points = |image: &AnnotatedImage| in_frame(&image.keypoints, image.size, pair.mirrored);
    let grid = FlowGrid { frame: FRAME, cells: 128, reach: 17.0 / 512.0 };
    grid.target(&points(&pair.source), &points(&pair.target))
}

fn nonzero(flow: &Flow) -> usize {
    flow.dx.iter().zip(&flow.dy).filter(|&(&dx, &dy)| dx != 0.0 || dy != 0.0).count()
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

#[test]
fn splits_hold_the_official_pairs() {
    for Case { golden, split, root, categories } in cases() {
        assert_eq!(split.pairs.len(), index(&golden["pairs_in_split"]));
        for wanted in array(&golden["pairs"]) {
            let pair = &split.pairs[index(&wanted["index"])];
            assert_eq!(pair.index, index(&wanted["index"]));
            assert_eq!(pair.category, wanted["category"].as_str().unwrap());
            // The official SPair-71k loader numbers the folders it finds.
            if split.layout.name() != "spair71k" {
                let id = categories.iter().position(|name| *name == pair.category).unwrap();
                assert_eq!(id, index(&wanted["category_id"]));
            }
            assert_eq!(pair.mirrored, wanted["flip"].as_u64() == Some(1));
            for (image, prefix) in [(&pair.source, "src"), (&pair.target, "trg")] {
                let path = root.join(wanted[format!("{prefix}_image")].as_str().unwrap());
                assert!(
                    same_file(&image.path, &path),
                    "{} {}",
                    image.path.display(),
                    path.display()
                );
                assert_eq!(image.size, size_from_wh(&wanted[format!("{prefix}_imsize_wh")]));
                check_annotation(image, pair.mirrored, wanted, prefix);
            }
        }
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().unwrap() == other.canonicalize().unwrap()
}

fn check_annotation(image: &AnnotatedImage, mirrored: bool, wanted: &Value, prefix: &str) {
    let keypoints = in_frame(&image.keypoints, image.size, mirrored);
    let official = &wanted[format!("{prefix}_kps")];
    assert_eq!(keypoints.len(), index(&wanted["n_pts"]));
    for (column, point) in keypoints.iter().enumerate() {
        let official = Point::new(number(&official[0][column]), number(&official[1][column]));
        assert!(point.distance(official) < 1e-4, "{point:?}, officially {official:?}");
    }
    let official = wanted.get(format!("{prefix}_bbox"));
    assert_eq!(image.bounding_box.is_some(), official.is_some());
    if let (Some(bounds), Some(official)) = (image.bounding_box, official) {
        let corners = [Point::new(bounds.x1, bounds.y1), Point::new(bounds.x2, bounds.y2)];
        let [first, second] = in_frame(&corners, image.size, mirrored)[..] else { unreachable!() };
        let (left, right) = (first.x.min(second.x), first.x.max(second.x));
        for (edge, official) in [left, first.y, right, second.y].iter().zip(array(official)) {
            assert!((edge - number(official)).abs() < 1e-3, "{bounds:?}, officially {official}");
        }
    }
}

#[test]
fn target_flows_equal_the_official_ones() {
    for Case { golden, split, .. } in cases() {
        for wanted in array(&golden["pairs"]) {
            let pair = &split.pairs[index(&wanted["index"])];
            let (flow, what) = (target_flow(pair), &wanted["list_entry"]);
            check_sums(&flow, &wanted["flow_src"], what);
            for sample in array(&wanted["flow_src"]["samples"]) {
                let found = flow.at(index(&sample[0]), index(&sample[1]));
                let official = Point::new(number(&sample[2]), number(&sample[3]));
                assert!(found.distance(official) < 1e-4, "{what} {sample}: {found:?}");
            }
            if let Some(wanted) = wanted.get("flow_trg_summary") {
                let Pair { source, target, .. } = pair.clone();
                let exchanged = Pair { source: target, target: source, ..pair.clone() };
                check_sums(&target_flow(&exchanged), wanted, what);
            }
        }
    }
}

fn check_sums(flow: &Flow, wanted: &Value, what: &Value) {
    assert_eq!(nonzero(flow), index(&wanted["nonzero_cells"]), "{what}");
    for (values, key) in [(&flow.dx, "sum_dx"), (&flow.dy, "sum_dy")] {
        let difference = sum(values) - number(&wanted[key]);
        assert!(difference.abs() < 0.02, "{what}: {key} is off by {difference}");
    }
}

#[test]
fn whole_splits_add_up_to_the_official_totals() {
    for Case { golden, split, .. } in cases() {
        let wanted = &golden["whole_split"];
        let points = split.pairs.iter().map(|pair| pair.source.keypoints.len());
        assert!(points.eq(array(&wanted["n_pts_per_pair"]).iter().map(index)));
        let flows: Vec<Flow> = split.pairs.iter().map(target_flow).collect();
        let cells = array(&wanted["nonzero_cells_per_pair"]).iter().map(index);
        assert!(flows.iter().map(nonzero).eq(cells));
        let total = |values: fn(&Flow) -> &[f32]| -> f64 {
            flows.iter().map(|flow| sum(values(flow))).sum()
        };
        for (found, key) in [(total(|flow| &flow.dx), "sum_dx"), (total(|flow| &flow.dy), "sum_dy")]
        {
            let official = number(&wanted[key]);
            let tolerance = 1e-6 * official.abs() + 0.05;
            assert!((found - official).abs() < tolerance, "{key}: {found}, officially {official}");
        }
        if let Some(flips) = wanted.get("flip_per_pair") {
            let flips = array(flips).iter().map(|flip| flip == 1);
            assert!(split.pairs.iter().map(|pair| pair.mirrored).eq(flips));
        }
    }
}

#[test]
fn decoded_and_stretched_photos_equal_the_official_ones() {
    for Case { golden, root, .. } in cases() {
        for (name, wanted) in golden["images"].as_object().unwrap() {
            let path = root.join(name);
            let photo = decode_benchmark(&path).unwrap();
            let size = Size::new(photo.height() as usize, photo.width() as usize);
            assert_eq!(image_size(&path).unwrap(), size);
            for sample in array(&wanted["decoded_samples_yx_rgb"]) {
                let pixel = photo.get_pixel(index(&sample[1]) as u32, index(&sample[0]) as u32);
                let official = [2, 3, 4].map(|at| index(&sample[at]) as u8);
                assert_eq!(pixel.0, official, "{name} at {sample}");
            }
            assert_eq!(digest(photo.as_raw()), wanted["decoded_sha256"], "{name}");
            let resized = resize_like_pillow(&photo, Size::square(FRAME));
            assert_eq!(digest(resized.as_raw()), wanted["resized_sha256"], "{name}");
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn network_inputs_equal_the_official_ones_mirrored_pairs_included() {
    const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
    const DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];
    let mut mirrored = 0;
    for Case { golden, split, .. } in cases() {
        let mut photos = BTreeMap::new();
        for wanted in array(&golden["pairs"]) {
            let pair = &split.pairs[index(&wanted["index"])];
            mirrored += usize::from(pair.mirrored);
            for (image, key) in [(&pair.source, "src_tensor"), (&pair.target, "trg_tensor")] {
                let photo = photos.entry((&image.path, pair.mirrored)).or_insert_with(|| {
                    let photo = decode_benchmark(&image.path).unwrap();
                    let mut photo = resize_like_pillow(&photo, Size::square(FRAME));
                    if pair.mirrored {
                        image::imageops::flip_horizontal_in_place(&mut photo);
                    }
                    photo
                });
                let positions = array(&golden["positions_cyx"]);
                for (position, official) in positions.iter().zip(array(&wanted[key]["values"])) {
                    let [channel, y, x] = [0, 1, 2].map(|at| index(&position[at]));
                    let value = f64::from(photo.get_pixel(x as u32, y as u32).0[channel]) / 255.0;
                    let value = (value - MEAN[channel]) / DEVIATION[channel];
                    let difference = (value - number(official)).abs();
                    assert!(difference < 1e-5, "{} at {position}", image.path.display());
                }
            }
        }
    }
    assert!(mirrored > 0 || shared_data::golden().is_none() || shared_data::data().is_none());
}

#[test]
fn real_annotations_of_spair_71k_load() {
    let Some(data) = shared_data::data() else { return };
    let samples = data.join("spair-annotation-samples");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("SPair-71k");
    let list = "Layout/large/test.txt";
    std::fs::create_dir_all(root.join("Layout/large")).unwrap();
    std::fs::create_dir_all(root.join("PairAnnotation/test")).unwrap();
    std::fs::copy(samples.join(list), root.join(list)).unwrap();
    for file in std::fs::read_dir(samples.join("PairAnnotation/test")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let pair: Value = serde_json::from_str(&text).unwrap();
        let name = path.file_name().unwrap();
        std::fs::write(root.join("PairAnnotation/test").join(name), &text).unwrap();
        let images = root.join("JPEGImages").join(pair["category"].as_str().unwrap());
        std::fs::create_dir_all(&images).unwrap();
        for side in ["src", "trg"] {
            // The photos are not part of the samples.
            let size = size_from_wh(&pair[format!("{side}_imsize")]);
            let blank = image::RgbImage::new(size.width as u32, size.height as u32);
            let image = images.join(pair[format!("{side}_imname")].as_str().unwrap());
            blank.save_with_format(image, image::ImageFormat::Png).unwrap();
        }
    }
    let catalog = Catalog::load(None).unwrap();
    let entry = catalog.get("spair71k").unwrap();
    let dataset = Dataset::new("spair71k", entry, folder.path());
    let split = load_split(&dataset, "test", false).unwrap().split;
    let keypoints: Vec<usize> =
        split.pairs.iter().map(|pair| pair.target.keypoints.len()).collect();
    assert_eq!(keypoints, [3, 5, 2, 6]);
    let difficulty = split.pairs[2].difficulty.unwrap();
    assert_eq!((difficulty.scale, difficulty.truncation, difficulty.occlusion), (2, 1, 3));
}
