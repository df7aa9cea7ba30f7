//! COCO keypoints: annotation files as annotation tools write them (`images`, `annotations`, `categories`) and
//! photos in folders beside them. Pairs of photos are drawn within each category, or listed in a file.

mod deal;
mod draw;
mod files;
mod json;
mod listed;
mod objects;
mod photos;
mod sound;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::data::formats::{Annotations, Contents, EVERYTHING, Format, Record, Request};
use crate::data::parts::Part;
use crate::data::truth::{Truth, TruthKind};
use crate::data::{AnnotatedImage, Pair};
use crate::spelling::{counted, meant, shortened};
use crate::visible::{Shown, one_line};
use json::Annotated;
use objects::{Collection, Place};
use sound::{Sound, sound_objects};

/// The layout.
#[derive(Debug)]
pub(crate) struct Coco;

impl Format for Coco {
    fn name(&self) -> &'static str {
        "coco"
    }

    fn annotations(&self) -> Annotations {
        Annotations { object_boxes: true, truth: TruthKind::Keypoints }
    }

    fn is_there(&self, list: &Path, split: &str) -> bool {
        files::of_split(list, split).is_ok()
    }

    fn draws_pairs(&self) -> bool {
        true
    }

    fn read(&self, request: &Request) -> Result<Contents> {
        let found = files::of_split(request.list, request.split)?;
        let collection = collected(&found.files, request.categories)?;
        let pair_list = request.root.join(format!("{}_pairs.csv", request.split));
        let mut contents = if pair_list.is_file() {
            let contents = listed_pairs(&collection, &pair_list, request)?;
            Contents { annotations: vec![pair_list], ..contents }
        } else {
            drawn_pairs(&collection, found.of_split_alone, request)
        };
        contents.annotations.extend(found.files);
        Ok(contents)
    }
}

/// What all files annotate, of the wanted categories if there are any.
fn collected(files: &[PathBuf], categories: &[String]) -> Result<Collection> {
    let mut collection = Collection::default();
    for file in files {
        let annotated = Annotated::read(file)
            .with_context(|| format!("reading COCO annotations `{}`", file.shown()))?;
        collection.add(file, annotated);
    }
    let known: HashSet<&str> =
        collection.objects.iter().map(|object| &*object.place.category).collect();
    let mut names: Vec<&str> = known.iter().copied().collect();
    names.sort_unstable();
    for category in categories {
        ensure!(
            known.contains(category.as_str()),
            "no annotation with keypoints has the category `{}`{}; there are: {}",
            one_line(category),
            meant(category, names.iter().copied()),
            one_line(&shortened(&names))
        );
    }
    let is_wanted = |place: &Place| {
        categories.is_empty() || categories.iter().any(|category| **category == *place.category)
    };
    collection.objects.retain(|object| is_wanted(&object.place));
    Ok(collection)
}

/// The pairs of a list.
fn listed_pairs(collection: &Collection, list: &Path, request: &Request) -> Result<Contents> {
    let rows = listed::read(list, collection)?;
    let named: HashSet<usize> = rows.iter().flatten().copied().flatten().collect();
    let (sound, faults) = sound_objects(collection, |index, _| named.contains(&index), request);
    let find = |wanted: usize| sound.iter().find(|sound| sound.index == wanted);
    let mut records: Vec<Record> = faults.into_iter().map(Err).collect();
    let mut index = 0;
    for row in rows {
        match row {
            Err(problem) => records.push(Err(vec![problem])),
            Ok([source, target]) => {
                // What is wrong with the others stands there already.
                if let (Some(source), Some(target)) = (find(source), find(target)) {
                    records.push(Ok(pair(index, source, target)));
                }
                index += 1;
            }
        }
    }
    Ok(Contents { records, notes: collection.notes(), ..Contents::default() })
}

/// Pairs drawn within each category, from the split's share of the photos unless the files are its own.
fn drawn_pairs(collection: &Collection, of_split_alone: bool, request: &Request) -> Contents {
    let &Request { split, sharing, draw, .. } = request;
    let share = (!of_split_alone && split != EVERYTHING)
        .then(|| deal::share(collection, split, sharing, draw.seed));
    let ambiguous = collection.ambiguous();
    let is_candidate = |_, place: &Place| {
        share.as_ref().is_none_or(|share| share.contains(&place.photo))
            && !ambiguous.contains(place)
    };
    let (sound, faults) = sound_objects(collection, is_candidate, request);
    let pairs = draw::pairs(&sound, split, draw);
    let mut notes = collection.notes();
    notes.extend(ambiguous_note(&ambiguous));
    if pairs.is_empty() {
        let photos = collection.photos_with_objects();
        let share = share.map_or(photos, |share| share.len());
        notes.push(format!(
            "the split `{split}` has no pair: it has {share} of {}, and {} that can be used, of which no two of a \
             category have a labelled keypoint in common",
            counted(photos, "annotated photo"),
            counted(sound.len(), "object")
        ));
    }
    let problems = collection.problems.iter().map(|problem| vec![problem.clone()]);
    let mut records: Vec<Record> = problems.chain(faults).map(Err).collect();
    let pair = |(index, [source, target]): (usize, [&Sound; 2])| Ok(pair(index, source, target));
    records.extend(pairs.into_iter().enumerate().map(pair));
    Contents { records, notes, ..Contents::default() }
}

fn ambiguous_note(ambiguous: &HashSet<Place>) -> Option<String> {
    let photos: HashSet<usize> = ambiguous.iter().map(|place| place.photo).collect();
    (!photos.is_empty()).then(|| {
        format!(
            "{} with several objects of one category, or a crowd of them: which one is meant cannot be told from \
             the photo, so no pair of that category is drawn from them",
            counted(photos.len(), "photo")
        )
    })
}

/// A pair's keypoints are those labelled in both, in the source's order.
fn pair(index: usize, source: &Sound, target: &Sound) -> Pair {
    let common = source.common(target);
    let side = |sound: &Sound, which: usize| {
        let keypoints = common.iter().map(|(_, points)| points[which]).collect();
        AnnotatedImage { keypoints, ..sound.image.clone() }
    };
    Pair {
        index,
        category: source.object.place.category.to_string(),
        source: side(source, 0),
        target: side(target, 1),
        parts: common.iter().map(|(name, _)| Part::new(name.clone())).collect(),
        difficulty: None,
        mirrored: false,
        truth: Truth::Keypoints,
    }
}
