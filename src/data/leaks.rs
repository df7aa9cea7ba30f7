//! Photos of one split that are, or seem to be, photos of another.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use crate::data::likeness::Likeness;
use crate::path_text::path_text;

/// One picture in more than one split.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct SharedImage {
    /// Where it is: split and file.
    #[serde(serialize_with = "places")]
    pub places: BTreeSet<(String, PathBuf)>,
}

/// Two photos of different splits that seem to show one picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Suspect {
    /// Split and file of each.
    #[serde(serialize_with = "places")]
    pub places: [(String, PathBuf); 2],
    /// Correlation of their grey values, 1 at most.
    pub correlation: f32,
    /// Whether one is the other mirrored.
    pub mirrored: bool,
}

/// Each split and file; a third value, `escaped`, where the file is not Unicode.
fn places<'a, S: Serializer>(
    places: impl IntoIterator<Item = &'a (String, PathBuf)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(places.into_iter().map(|(split, file)| {
        let (text, escaped) = path_text(file);
        let mark = escaped.then(|| "escaped".to_owned());
        [Some(split.clone()), Some(text), mark].into_iter().flatten().collect::<Vec<_>>()
    }))
}

/// What is known of a picture.
#[derive(Debug)]
pub(super) struct Picture {
    /// Of its size and pixels.
    pub digest: [u8; 32],
    /// What it shows, if anything.
    pub likeness: Option<Likeness>,
}

/// A photo of a split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    /// The split.
    pub split: &'a str,
    /// The file.
    pub path: &'a Path,
    /// What it shows.
    pub picture: &'a Picture,
}

impl Known<'_> {
    fn place(&self) -> (String, PathBuf) {
        (self.split.to_owned(), self.path.to_owned())
    }
}

/// Photos with the same pixels in more than one split.
pub(super) fn shared_images(photos: &[Known]) -> Vec<SharedImage> {
    let mut places: HashMap<&[u8; 32], BTreeSet<(String, PathBuf)>> = HashMap::new();
    for photo in photos {
        places.entry(&photo.picture.digest).or_default().insert(photo.place());
    }
    let mut shared: Vec<SharedImage> =
        places.into_values().map(|places| SharedImage { places }).collect();
    shared.retain(|image| {
        let mut splits = image.places.iter().map(|(split, _)| split);
        let first = splits.next();
        splits.any(|split| Some(split) != first)
    });
    shared.sort();
    shared
}

/// Photos of different splits that seem to show one picture, by name; those with the same pixels are left to
/// [`shared_images`].
pub(super) fn suspects(photos: &[Known]) -> Vec<Suspect> {
    let mut splits: BTreeMap<&str, BTreeMap<&Path, &Picture>> = BTreeMap::new();
    for photo in photos {
        splits.entry(photo.split).or_default().insert(photo.path, photo.picture);
    }
    let known = |(split, photos): (_, BTreeMap<_, _>)| -> Vec<Known> {
        let photos = photos.into_iter();
        photos.map(|(path, picture)| Known { split, path, picture }).collect()
    };
    let splits: Vec<Vec<Known>> = splits.into_iter().map(known).collect();
    let mut suspects: Vec<Suspect> = Vec::new();
    for (index, split) in splits.iter().enumerate() {
        let others: Vec<&Known> = splits[index + 1..].iter().flatten().collect();
        suspects.par_extend(
            split
                .par_iter()
                .flat_map_iter(|one| others.iter().filter_map(move |other| suspect(one, other))),
        );
    }
    suspects.sort_by(|one, other| one.places.cmp(&other.places));
    suspects
}

fn suspect(one: &Known, other: &Known) -> Option<Suspect> {
    if one.picture.digest == other.picture.digest {
        return None;
    }
    let found = one.picture.likeness.as_ref()?.matches(other.picture.likeness.as_ref()?)?;
    let places = [one.place(), other.place()];
    Some(Suspect { places, correlation: found.correlation, mirrored: found.mirrored })
}
