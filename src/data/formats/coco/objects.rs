//! What annotation files say of objects, before any photo is looked at.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::formats::coco::json::{Annotated, Annotation, Category, Id};
use crate::data::problem::{Fault, Problem};
use crate::geometry::{BoundingBox, Point};
use crate::spelling::counted;
use crate::visible::one_line;

/// All that some files annotate.
#[derive(Debug, Default)]
pub(super) struct Collection {
    /// The photos of all files.
    pub photos: Vec<Photo>,
    /// The objects that have labelled keypoints.
    pub objects: Vec<Object>,
    /// Where crowds are.
    crowds: HashSet<Place>,
    /// What is wrong with single annotations.
    pub problems: Vec<Problem>,
    /// Annotations without a labelled keypoint.
    unlabelled: usize,
    /// Objects whose box is the one around their keypoints.
    boxless: usize,
}

/// A photo as a file names it.
#[derive(Debug)]
pub(super) struct Photo {
    /// The annotation file.
    pub file: PathBuf,
    /// What it calls the photo.
    pub name: String,
    /// Width and height that it states.
    pub size: Option<[f64; 2]>,
}

/// A category on a photo.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Position among the photos.
    pub photo: usize,
    /// The category's name.
    pub category: Arc<str>,
}

/// Keypoints by name, or by number where the category has no names.
pub(super) type Parts = Vec<(Arc<str>, Point)>;

/// An object that has labelled keypoints.
#[derive(Debug)]
pub(super) struct Object {
    /// Where it is.
    pub place: Place,
    /// The annotation's own number.
    pub id: Option<Id>,
    /// Its labelled keypoints.
    pub parts: Parts,
    /// Its box.
    pub bounds: Option<BoundingBox>,
}

/// A category's name, and those of its keypoints if it has any that differ.
struct Kind {
    name: Arc<str>,
    parts: Option<Vec<Arc<str>>>,
}

impl Kind {
    fn new(category: Category) -> Self {
        let names = category.keypoints.filter(|names| {
            let different: HashSet<&String> = names.iter().collect();
            !names.is_empty() && different.len() == names.len()
        });
        let parts = names.map(|names| names.into_iter().map(Arc::from).collect());
        Self { name: category.name.into(), parts }
    }
}

impl Collection {
    /// Adds what a file holds.
    pub(super) fn add(&mut self, file: &Path, annotated: Annotated) {
        let first = self.photos.len();
        let places: HashMap<Id, usize> =
            annotated.images.iter().map(|image| image.id.clone()).zip(first..).collect();
        self.photos.extend(annotated.images.into_iter().map(|image| Photo {
            file: file.to_owned(),
            name: image.file_name,
            size: image.width.zip(image.height).map(<[f64; 2]>::from),
        }));
        let kinds = annotated.categories.into_iter();
        let kinds: HashMap<Id, Kind> =
            kinds.map(|category| (category.id.clone(), Kind::new(category))).collect();
        for (number, annotation) in annotated.annotations.into_iter().enumerate() {
            let label = match &annotation.id {
                Some(id) => format!("annotation {}", one_line(&id.to_string())),
                None => format!("annotation number {} of the file", number + 1),
            };
            if let Err((fault, detail)) = self.add_annotation(annotation, &places, &kinds) {
                self.problems.push(Problem::of_file(fault, file, format!("{label}: {detail}")));
            }
        }
    }

    fn add_annotation(
        &mut self,
        annotation: Annotation,
        places: &HashMap<Id, usize>,
        kinds: &HashMap<Id, Kind>,
    ) -> Result<(), (Fault, String)> {
        let unknown = |what: &str, id: &Id| {
            (Fault::Missing, format!("{what} {} is not in the file", one_line(&id.to_string())))
        };
        let Annotation { id, image_id, category_id, keypoints, bbox, iscrowd } = annotation;
        let photo = *places.get(&image_id).ok_or_else(|| unknown("image", &image_id))?;
        let kind = kinds.get(&category_id).ok_or_else(|| unknown("category", &category_id))?;
        let place = Place { photo, category: kind.name.clone() };
        if iscrowd.is_some_and(|flag| flag.is_set()) {
            self.crowds.insert(place);
            return Ok(());
        }
        let parts = labelled(&keypoints.unwrap_or_default(), kind)?;
        if parts.is_empty() {
            self.unlabelled += 1;
            return Ok(());
        }
        let given = bbox.map(|numbers| given_box(&numbers)).transpose()?.flatten();
        self.boxless += usize::from(given.is_none());
        let points: Vec<Point> = parts.iter().map(|(_, point)| *point).collect();
        let bounds = given.or_else(|| BoundingBox::around(&points));
        self.objects.push(Object { place, id, parts, bounds });
        Ok(())
    }

    /// How many photos have objects.
    pub(super) fn photos_with_objects(&self) -> usize {
        self.objects.iter().map(|object| object.place.photo).collect::<HashSet<_>>().len()
    }

    /// Where it cannot be told which object is meant: there are several, or a crowd.
    pub(super) fn ambiguous(&self) -> HashSet<Place> {
        let mut seen = self.crowds.clone();
        let places = self.objects.iter().map(|object| &object.place);
        places.filter(|place| !seen.insert((*place).clone())).cloned().collect()
    }

    /// What users should know of annotations that are taken otherwise than they stand there.
    pub(super) fn notes(&self) -> Vec<String> {
        let of = |count: usize, what: &str| {
            (count > 0).then(|| format!("{} {what}", counted(count, "annotation")))
        };
        let unlabelled = of(self.unlabelled, "without a labelled keypoint: left out");
        let boxless = of(
            self.boxless,
            "without a box: the box around the labelled keypoints takes its place",
        );
        unlabelled.into_iter().chain(boxless).collect()
    }
}

/// The labelled ones of an annotation's keypoints.
fn labelled(numbers: &[Option<f64>], kind: &Kind) -> Result<Parts, (Fault, String)> {
    let expected = kind.parts.as_ref().map(|parts| 3 * parts.len());
    let has_right_length = match expected {
        Some(expected) => numbers.is_empty() || numbers.len() == expected,
        None => numbers.len().is_multiple_of(3),
    };
    if !has_right_length {
        let wanted = expected.map_or("a multiple of 3".to_owned(), |expected| expected.to_string());
        return Err((
            Fault::WrongCount,
            format!("{} numbers of keypoints instead of {wanted}", numbers.len()),
        ));
    }
    let mut parts = Vec::new();
    for (index, three) in numbers.chunks_exact(3).enumerate() {
        let visibility = three[2].unwrap_or(0.0);
        if visibility == 0.0 {
            continue;
        }
        let (Some(x), Some(y)) = (three[0], three[1]) else {
            return Err((
                Fault::NotFinite,
                format!("keypoint {index} is labelled, but has no place"),
            ));
        };
        if visibility < 0.0 {
            let detail =
                format!("keypoint {index} has the visibility {visibility}, which is not 0, 1 or 2");
            return Err((Fault::Unreadable, detail));
        }
        let name = kind.parts.as_ref().map(|parts| parts[index].clone());
        parts.push((name.unwrap_or_else(|| index.to_string().into()), Point::new(x, y)));
    }
    Ok(parts)
}

/// The box of an annotation; none where its tool writes one without extent.
fn given_box(numbers: &[Option<f64>]) -> Result<Option<BoundingBox>, (Fault, String)> {
    match *numbers {
        [] => Ok(None),
        [Some(x), Some(y), Some(width), Some(height)] => {
            let bounds = BoundingBox { x1: x, y1: y, x2: x + width, y2: y + height };
            Ok((width != 0.0 || height != 0.0).then_some(bounds))
        }
        _ => Err((Fault::WrongCount, "its box is not four numbers".to_owned())),
    }
}
