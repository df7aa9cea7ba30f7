//! Samples of toy photos, made in every way.

use std::path::Path;

use image::RgbImage;

use super::*;
use crate::data::AnnotatedImage;
use crate::data::photo::orientation::Exif;
use crate::data::truth::Truth;
use crate::geometry::{BoundingBox, Point, Size};
use crate::model::backbone::IMAGENET;
use crate::train::samples::augment::AugmentationConfig;
use crate::train::samples::planes::Planes;
use crate::train::samples::target::FlowGrid;
use crate::train::samples::warp::WarpConfig;

const GRID: FlowGrid = FlowGrid { frame: 64, cells: 16, reach: 17.0 / 512.0 };

fn settings(enabled: bool) -> SampleSettings {
    SampleSettings {
        seed: 47,
        grid: GRID,
        normalisation: IMAGENET,
        exif: Exif::Ignore,
        augmentation: AugmentationConfig { enabled, ..AugmentationConfig::default() },
        warp: WarpConfig::default(),
    }
}

/// Two photos of 128x96, left half dark, with keypoints at the same places.
fn pair(folder: &Path, mirrored: bool) -> Pair {
    let side = |name: &str| {
        let path = folder.join(name);
        let photo =
            RgbImage::from_fn(128, 96, |x, _| image::Rgb([if x < 64 { 20 } else { 200 }; 3]));
        photo.save(&path).unwrap();
        AnnotatedImage {
            path,
            size: Size::new(96, 128),
            keypoints: vec![Point::new(32.0, 24.0), Point::new(96.0, 72.0)],
            bounding_box: Some(BoundingBox { x1: 20.0, y1: 20.0, x2: 100.0, y2: 80.0 }),
        }
    };
    let (source, mut target) = (side("a.png"), side("b.png"));
    target.keypoints[1] = Point::new(112.0, 72.0);
    let category = "box".to_owned();
    let parts = Vec::new();
    Pair {
        index: 0,
        category,
        source,
        target,
        parts,
        difficulty: None,
        mirrored,
        truth: Truth::Keypoints,
    }
}

#[test]
fn without_augmentation_a_sample_is_the_stretched_pair() {
    let folder = tempfile::tempdir().unwrap();
    let set = TrainingSet::Pairs(vec![pair(folder.path(), false)]);
    let sample = set.sample(0, 0, &settings(false)).unwrap();
    assert!(sample.source.plane(0)[10] < 0.0 && sample.source.plane(0)[50] > 0.0);
    // The keypoint at (48, 48) of the frame moves to (56, 48).
    assert_eq!(sample.flow.at(12, 12), Point::new(2.0, 0.0));
    assert!(sample.valid[12 * 16 + 12]);
    // The other one does not move, so it says nothing.
    assert!(!sample.valid[4 * 16 + 4]);
    assert_eq!(set.sample(0, 5, &settings(false)).unwrap(), sample);
}

#[test]
fn photos_are_turned_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let pair = pair(folder.path(), false);
    // The same pixels, of which the orientation says that they stand upside down.
    let path = &pair.target.path;
    let stored = image::open(path).unwrap();
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    let upside_down = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0";
    image::ImageEncoder::set_exif_metadata(&mut encoder, upside_down.to_vec()).unwrap();
    stored.write_with_encoder(encoder).unwrap();
    std::fs::write(path, bytes).unwrap();
    let photos = TrainingSet::Photos(vec![path.clone()]);
    for set in [TrainingSet::Pairs(vec![pair]), photos] {
        let is_bright_at_left = |exif| {
            let sample = set.sample(0, 0, &SampleSettings { exif, ..settings(false) }).unwrap();
            sample.target.plane(0)[10] > 0.0
        };
        assert!(!is_bright_at_left(Exif::Ignore) && is_bright_at_left(Exif::Apply));
    }
}

#[test]
fn a_mirrored_pair_has_photos_and_flow_mirrored() {
    let folder = tempfile::tempdir().unwrap();
    let set = TrainingSet::Pairs(vec![pair(folder.path(), true)]);
    let sample = set.sample(0, 0, &settings(false)).unwrap();
    assert!(sample.target.plane(2)[10] > 0.0 && sample.target.plane(2)[50] < 0.0);
    assert_eq!(sample.flow.at(12, 4), Point::new(-2.0, 0.0));
}

#[test]
fn samples_depend_on_seed_epoch_and_index_alone() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = vec![pair(folder.path(), false); 2];
    let photos = vec![folder.path().join("a.png"); 2];
    for set in [TrainingSet::Pairs(pairs), TrainingSet::Photos(photos)] {
        let settings = settings(true);
        let sample = |index, epoch| set.sample(index, epoch, &settings).unwrap();
        let first = sample(0, 3);
        assert_eq!(sample(0, 3), first);
        let others = [sample(1, 3), sample(0, 4)];
        assert!(others.iter().all(|other| other.source != first.source));
    }
}

#[test]
fn samples_are_the_same_however_many_workers_make_them_and_however_far_ahead() {
    use crate::train::samples::loader;
    use rayon::prelude::*;
    let folder = tempfile::tempdir().unwrap();
    let set = TrainingSet::Pairs(vec![pair(folder.path(), false); 9]);
    let settings = settings(true);
    let alone: Vec<Sample> = (0..9).map(|index| set.sample(index, 1, &settings).unwrap()).collect();
    for workers in [1, 2, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build().unwrap();
        let make = |index| set.sample(index, 1, &settings).unwrap();
        let together: Vec<Sample> = pool.install(|| (0..9).into_par_iter().map(make).collect());
        assert!(together == alone, "{workers} workers");
    }
    for ahead in [0, 1, 5] {
        let set = set.clone();
        let batches = vec![vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8]];
        let make = move |index| set.sample(index, 1, &settings);
        let loader = loader::start(batches, ahead, make).unwrap();
        let loaded: Vec<Sample> = loader.flat_map(Result::unwrap).collect();
        assert!(loaded == alone, "{ahead} batches ahead");
    }
}

/// Where a photo with one bright spot has its brightness, in the frame.
fn spot(planes: &Planes) -> Point {
    let darkest = planes.plane(0).iter().copied().fold(f32::INFINITY, f32::min);
    let (mut x, mut y, mut total) = (0.0, 0.0, 0.0);
    for (index, value) in planes.plane(0).iter().enumerate() {
        let weight = f64::from(value - darkest);
        x += weight * (index % 64) as f64;
        y += weight * (index / 64) as f64;
        total += weight;
    }
    Point::new(x / total, y / total)
}

#[test]
fn the_flow_of_a_cropped_and_mirrored_pair_leads_from_spot_to_spot() {
    let folder = tempfile::tempdir().unwrap();
    let side = |name: &str, x: u32, y: u32| {
        let path = folder.path().join(name);
        let near = |a: u32, b: u32| a.abs_diff(b) <= 2;
        let photo = RgbImage::from_fn(128, 128, |column, row| {
            image::Rgb([if near(column, x) && near(row, y) { 250 } else { 10 }; 3])
        });
        photo.save(&path).unwrap();
        AnnotatedImage {
            path,
            size: Size::square(128),
            keypoints: vec![Point::new(f64::from(x), f64::from(y))],
            bounding_box: Some(BoundingBox { x1: 30.0, y1: 30.0, x2: 100.0, y2: 100.0 }),
        }
    };
    let mut pair = pair(folder.path(), true);
    pair.source = side("source.png", 50, 70);
    pair.target = side("target.png", 80, 45);
    let mut settings = settings(true);
    settings.augmentation.colour_probability = 0.0;
    settings.augmentation.crop_probability = 1.0;
    let set = TrainingSet::Pairs(vec![pair]);
    for epoch in 0..20 {
        let sample = set.sample(0, epoch, &settings).unwrap();
        let (from, to) = (spot(&sample.source), spot(&sample.target));
        let known = sample.valid.iter().position(|&valid| valid).unwrap();
        let found = sample.flow.at(known / 16, known % 16);
        let wanted = Point::new((to.x - from.x) / 4.0, (to.y - from.y) / 4.0);
        // Keypoints are scaled about 0, photos about their pixels' outer edges.
        assert!(found.distance(wanted) < 0.5, "epoch {epoch}: {found:?}, not {wanted:?}");
    }
}

#[test]
fn an_unreadable_photo_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.png");
    let set = TrainingSet::Photos(vec![path.clone()]);
    let error = set.sample(0, 0, &settings(true)).unwrap_err();
    assert!(format!("{error:#}").contains(&path.display().to_string()));
}
