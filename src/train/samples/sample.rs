//! One training sample: two photos as the network reads them, and the flow between them as far as it is
//! known.

use std::path::{Path, PathBuf};

use anyhow::Result;
use image::RgbImage;
use rand::{Rng, RngExt};

use crate::data::photo::decode_benchmark;
use crate::data::photo::resize::resize_like_pillow;
use crate::data::photo::resize_opencv::resize_like_opencv;
use crate::data::{AnnotatedImage, Pair};
use crate::flow::Flow;
use crate::geometry::{BoundingBox, Point, Size};
use crate::model::backbone::Normalisation;
use crate::train::config::{AugmentationConfig, TrainConfig};
use crate::train::samples::augment::crop::Crop;
use crate::train::samples::augment::{draw_colour_steps, mirror_keypoint};
use crate::train::samples::planes::Planes;
use crate::train::samples::random::{Purpose, generator};
use crate::train::samples::target::FlowGrid;
use crate::train::samples::warp::{Warp, WarpConfig};

/// Points along each side of a warped photo that count as its matches.
const WARP_POINTS: usize = 6;

/// A training sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Position in the dataset.
    pub index: usize,
    /// The photos it came from, for messages.
    pub name: String,
    /// The photo the flow starts in.
    pub source: Planes,
    /// The photo the flow points to.
    pub target: Planes,
    /// The flow on the network's grid, in its pixels.
    pub flow: Flow,
    /// Which cells of it are known, row by row.
    pub valid: Vec<bool>,
    /// Corresponding points, source and target, in the unit square.
    pub matches: Vec<(Point, Point)>,
    /// The boxes of both objects in the unit square, where they are known.
    pub objects: [Option<BoundingBox>; 2],
}

/// What samples are made from.
#[derive(Clone, Debug)]
pub enum TrainingSet {
    /// Annotated pairs.
    Pairs(Vec<Pair>),
    /// Plain photos, each warped to make a pair.
    Photos(Vec<PathBuf>),
}

/// How samples are made.
#[derive(Clone, Copy, Debug)]
pub struct SampleSettings {
    /// The run's seed.
    pub seed: u64,
    /// The network's flow grid in its frame.
    pub grid: FlowGrid,
    /// How the backbone wants its input.
    pub normalisation: Normalisation,
    /// How photos are changed.
    pub augmentation: AugmentationConfig,
    /// How plain photos become pairs.
    pub warp: WarpConfig,
}

impl SampleSettings {
    /// The settings of a run for a network with this flow grid and input.
    pub fn new(config: &TrainConfig, grid: FlowGrid, normalisation: Normalisation) -> Self {
        let TrainConfig { seed, augmentation, warp, .. } = *config;
        Self { seed, grid, normalisation, augmentation, warp }
    }
}

impl TrainingSet {
    /// How many samples an epoch has.
    pub fn len(&self) -> usize {
        match self {
            Self::Pairs(pairs) => pairs.len(),
            Self::Photos(photos) => photos.len(),
        }
    }

    /// Whether there is nothing to train on.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes a sample; what is random about it depends on the seed, the epoch and the index alone.
    ///
    /// # Errors
    /// When a photo cannot be read.
    pub fn sample(&self, index: usize, epoch: u64, settings: &SampleSettings) -> Result<Sample> {
        let rng = generator(settings.seed, Purpose::Augmentation, epoch, index as u64);
        match self {
            Self::Pairs(pairs) => settings.annotated(rng, index, &pairs[index]),
            Self::Photos(photos) => settings.warped(rng, index, &photos[index]),
        }
    }
}

/// One side of an annotated pair in the frame.
struct Side {
    planes: Planes,
    keypoints: Vec<Point>,
    object: Option<BoundingBox>,
}

impl SampleSettings {
    fn frame(&self) -> Size {
        Size::square(self.grid.frame)
    }

    fn annotated(&self, mut rng: impl Rng, index: usize, pair: &Pair) -> Result<Sample> {
        let mut sides = [self.side(&mut rng, &pair.source)?, self.side(&mut rng, &pair.target)?];
        if pair.mirrored {
            for side in &mut sides {
                side.planes = side.planes.mirrored();
                let mirror = |point| mirror_keypoint(point, self.frame());
                side.keypoints.iter_mut().for_each(|point| *point = mirror(*point));
                side.object = side.object.and_then(|object| moved(object, mirror));
            }
        }
        let [source, target] = sides;
        let flow = self.grid.target(&source.keypoints, &target.keypoints);
        let valid = flow.dx.iter().zip(&flow.dy).map(|(&dx, &dy)| dx != 0.0 || dy != 0.0).collect();
        let name = format!("{} -> {}", pair.source.path.display(), pair.target.path.display());
        let unit = |point: &Point| self.frame().unit_from_pixel(*point);
        let inside = |(source, target): &(Point, Point)| in_unit(*source) && in_unit(*target);
        let matches = source.keypoints.iter().map(unit).zip(target.keypoints.iter().map(unit));
        let matches = matches.filter(inside).collect();
        let objects = [source.object, target.object].map(|object| object.map(|o| self.unit(o)));
        let (source, target) = (source.planes, target.planes);
        Ok(Sample { index, name, source, target, flow, valid, matches, objects })
    }

    fn side(&self, rng: &mut impl Rng, image: &AnnotatedImage) -> Result<Side> {
        let photo = self.resize(&decode_benchmark(&image.path)?);
        let mut planes = self.coloured(rng, photo);
        let scale = [
            self.grid.frame as f64 / image.size.width as f64,
            self.grid.frame as f64 / image.size.height as f64,
        ];
        let in_frame = |point: Point| Point::new(point.x * scale[0], point.y * scale[1]);
        let mut keypoints: Vec<Point> = image.keypoints.iter().copied().map(in_frame).collect();
        let mut object = image.bounding_box.and_then(|bounds| moved(bounds, in_frame));
        if let Some(crop) = self.crop(rng, image, &in_frame) {
            planes = crop.apply(&planes);
            let transfer = |point| crop.transfer(point, self.frame());
            keypoints.iter_mut().for_each(|point| *point = transfer(*point));
            object = object.and_then(|object| moved(object, transfer));
        }
        Ok(Side { planes, keypoints, object })
    }

    fn unit(&self, bounds: BoundingBox) -> BoundingBox {
        let frame = self.grid.frame as f64;
        let BoundingBox { x1, y1, x2, y2 } = bounds;
        BoundingBox { x1: x1 / frame, y1: y1 / frame, x2: x2 / frame, y2: y2 / frame }
    }

    /// A crop around the object; around its keypoints where the dataset has no box.
    fn crop(
        &self,
        rng: &mut impl Rng,
        image: &AnnotatedImage,
        in_frame: &impl Fn(Point) -> Point,
    ) -> Option<Crop> {
        let augmentation = &self.augmentation;
        if !augmentation.enabled || !rng.random_bool(augmentation.crop_probability) {
            return None;
        }
        let bounds = image.bounding_box.or_else(|| BoundingBox::around(&image.keypoints))?;
        // Parity: whole pixels of the photo, then of the frame.
        let corner = |x: f64, y: f64| in_frame(Point::new(x.trunc(), y.trunc()));
        let (upper, lower) = (corner(bounds.x1, bounds.y1), corner(bounds.x2, bounds.y2));
        let bounds = BoundingBox { x1: upper.x, y1: upper.y, x2: lower.x, y2: lower.y };
        Crop::draw(rng, bounds, self.frame())
    }

    fn warped(&self, mut rng: impl Rng, index: usize, path: &Path) -> Result<Sample> {
        let photo = self.resize(&decode_benchmark(path)?);
        let warp = Warp::draw(&mut rng, &self.warp);
        let (flow, valid) = warp.flow(self.grid.size());
        let source = self.coloured(&mut rng, warp.source(&photo));
        let target = self.coloured(&mut rng, photo);
        let name = format!("warp of {}", path.display());
        let matches = warp_matches(&warp);
        Ok(Sample { index, name, source, target, flow, valid, matches, objects: [None; 2] })
    }

    /// Stretches a photo to the frame. Parity: the training loader does not antialias.
    fn resize(&self, photo: &RgbImage) -> RgbImage {
        if self.augmentation.enabled {
            resize_like_opencv(photo, self.frame())
        } else {
            resize_like_pillow(photo, self.frame())
        }
    }

    fn coloured(&self, rng: &mut impl Rng, mut photo: RgbImage) -> Planes {
        if self.augmentation.enabled {
            for step in draw_colour_steps(rng, self.augmentation.colour_probability) {
                step.apply(&mut photo);
            }
        }
        Planes::from_image(&photo, self.normalisation)
    }
}

/// The box around a box's corners, moved.
fn moved(bounds: BoundingBox, to: impl Fn(Point) -> Point) -> Option<BoundingBox> {
    let corners = [Point::new(bounds.x1, bounds.y1), Point::new(bounds.x2, bounds.y2)];
    BoundingBox::around(&corners.map(to))
}

fn in_unit(point: Point) -> bool {
    (0.0..1.0).contains(&point.x) && (0.0..1.0).contains(&point.y)
}

/// Evenly spread points of a warp's source whose match lies inside the target.
fn warp_matches(warp: &Warp) -> Vec<(Point, Point)> {
    let grid = Size::square(WARP_POINTS);
    let point = |index: usize| {
        let cell = Point::new((index % WARP_POINTS) as f64, (index / WARP_POINTS) as f64);
        let source = grid.unit_from_pixel(cell);
        (source, warp.map(source))
    };
    (0..grid.area()).map(point).filter(|(_, target)| in_unit(*target)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::backbone::IMAGENET;

    const GRID: FlowGrid = FlowGrid { frame: 64, cells: 16 };

    fn settings(enabled: bool) -> SampleSettings {
        let mut config = TrainConfig::default();
        config.augmentation.enabled = enabled;
        SampleSettings::new(&config, GRID, IMAGENET)
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
        Pair { index: 0, category, source, target, difficulty: None, mirrored }
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
        let alone: Vec<Sample> =
            (0..9).map(|index| set.sample(index, 1, &settings).unwrap()).collect();
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
}
