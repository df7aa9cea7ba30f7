//! Objects whose photos are there and whose annotation can be true of them.

use std::sync::Arc;

use rayon::prelude::*;

use crate::data::AnnotatedImage;
use crate::data::formats::Request;
use crate::data::formats::check::check_side;
use crate::data::formats::coco::objects::{Collection, Object, Photo, Place};
use crate::data::formats::coco::photos::Photos;
use crate::data::problem::{Fault, Problem};
use crate::geometry::{BoundingBox, Point, Size};

/// How far a box may reach over its photo's edge by rounding, in pixels; that much is cut off.
const ROUNDING: f64 = 1.0;

/// An object that can be used.
#[derive(Debug)]
pub(super) struct Sound<'a> {
    /// Its position in the collection.
    pub index: usize,
    /// What is annotated of it.
    pub object: &'a Object,
    /// The photo with all keypoints that are labelled in it.
    pub image: AnnotatedImage,
}

impl Sound<'_> {
    /// The keypoints labelled here and in another, in the order they have here.
    pub(super) fn common(&self, other: &Self) -> Vec<(Arc<str>, [Point; 2])> {
        let there = |name: &str| other.object.parts.iter().find(|(part, _)| **part == *name);
        let both = |(name, here): &(Arc<str>, Point)| Some((name.clone(), [*here, there(name)?.1]));
        self.object.parts.iter().filter_map(both).collect()
    }
}

/// The candidates that can be used, in their order, and what is wrong with the others.
pub(super) fn sound_objects<'a>(
    collection: &'a Collection,
    is_candidate: impl Fn(usize, &Place) -> bool,
    request: &Request,
) -> (Vec<Sound<'a>>, Vec<Vec<Problem>>) {
    let photos = Photos::new(request.root);
    let numbered: Vec<(usize, &Object)> = collection.objects.iter().enumerate().collect();
    let candidates: Vec<(usize, &Object)> = numbered
        .into_iter()
        .filter(|(index, object)| is_candidate(*index, &object.place))
        .collect();
    let check = |(index, object): (usize, &'a Object)| {
        let photo = &collection.photos[object.place.photo];
        let image = image(object, photo, &photos, request).map_err(|problem| vec![problem])?;
        let problems = check_side(&image, &photo.file, None);
        if problems.is_empty() { Ok(Sound { index, object, image }) } else { Err(problems) }
    };
    let checked: Vec<Result<Sound, Vec<Problem>>> = candidates.into_par_iter().map(check).collect();
    let (mut sound, mut faults) = (Vec::new(), Vec::new());
    for object in checked {
        match object {
            Ok(object) => sound.push(object),
            Err(problems) => faults.push(problems),
        }
    }
    (sound, faults)
}

fn image(
    object: &Object,
    photo: &Photo,
    photos: &Photos,
    request: &Request,
) -> Result<AnnotatedImage, Problem> {
    let path = photos.find(photo)?;
    let size = request.sizes.of(&path)?;
    if let Some([width, height]) = photo.size
        && [width, height] != [size.width as f64, size.height as f64]
    {
        let hint = request.sizes.hint(&path, Size::new(height as usize, width as usize));
        let Size { width: w, height: h } = size;
        let detail = format!("annotated as {width}x{height}, is {w}x{h}{hint}");
        return Err(Problem::of_file(Fault::WrongSize, &path, detail));
    }
    let keypoints = object.parts.iter().map(|(_, point)| *point).collect();
    let bounding_box = object.bounds.map(|bounds| within(bounds, size));
    Ok(AnnotatedImage { path, size, keypoints, bounding_box })
}

/// The box without what reaches over the photo's edge by rounding.
fn within(bounds: BoundingBox, size: Size) -> BoundingBox {
    let inner = |position: f64, side: usize| {
        let held = position.clamp(0.0, side as f64);
        if (held - position).abs() <= ROUNDING { held } else { position }
    };
    let BoundingBox { x1, y1, x2, y2 } = bounds;
    BoundingBox {
        x1: inner(x1, size.width),
        y1: inner(y1, size.height),
        x2: inner(x2, size.width),
        y2: inner(y2, size.height),
    }
}
