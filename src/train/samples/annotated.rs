//! Samples of annotated pairs: photos cropped and mirrored together with their keypoints and boxes.

use anyhow::Result;
use rand::{Rng, RngExt};

use crate::data::photo::decode_annotated;
use crate::data::{AnnotatedImage, Pair};
use crate::geometry::{BoundingBox, Point};
use crate::train::samples::augment::crop::Crop;
use crate::train::samples::augment::mirror_keypoint;
use crate::train::samples::planes::Planes;
use crate::train::samples::sample::Sample;
use crate::train::samples::settings::{SampleSettings, in_unit};
use crate::visible::Shown;

/// One side of an annotated pair in the frame.
struct Side {
    planes: Planes,
    keypoints: Vec<Point>,
    object: Option<BoundingBox>,
}

impl SampleSettings {
    /// The sample of a pair.
    ///
    /// # Errors
    /// When a photo cannot be read.
    pub(super) fn annotated(&self, mut rng: impl Rng, index: usize, pair: &Pair) -> Result<Sample> {
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
        let name = format!("{} -> {}", pair.source.path.shown(), pair.target.path.shown());
        let unit = |point: &Point| self.frame().unit_from_pixel(*point);
        let inside = |(source, target): &(Point, Point)| in_unit(*source) && in_unit(*target);
        let matches = source.keypoints.iter().map(unit).zip(target.keypoints.iter().map(unit));
        let matches = matches.filter(inside).collect();
        let objects = [source.object, target.object].map(|object| object.map(|o| self.unit(o)));
        let (source, target) = (source.planes, target.planes);
        Ok(Sample { index, name, source, target, flow, valid, matches, objects })
    }

    fn side(&self, rng: &mut impl Rng, image: &AnnotatedImage) -> Result<Side> {
        let photo = self.resize(&decode_annotated(&image.path, self.exif)?);
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
}

/// The box around a box's corners, moved.
fn moved(bounds: BoundingBox, to: impl Fn(Point) -> Point) -> Option<BoundingBox> {
    let corners = [Point::new(bounds.x1, bounds.y1), Point::new(bounds.x2, bounds.y2)];
    BoundingBox::around(&corners.map(to))
}
