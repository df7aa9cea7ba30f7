//! Photos shared out among the splits that have one annotation file in common.

use std::collections::{BTreeMap, HashSet};

use sha2::{Digest, Sha256};

use crate::data::formats::coco::objects::Collection;

/// The split that is trained on, which has the larger share.
const TRAINING: &str = "trn";

/// How often in a row a split gets a photo: one alone makes no pair.
const RUN: usize = 2;

/// Further runs of the training split after every split had one.
const MORE_RUNS_OF_TRAINING: usize = 2;

/// The photos of `split`: of each category every split gets two in turn and the training split four more, in an
/// order that depends on the seed and the photos' names alone.
pub(super) fn share(
    collection: &Collection,
    split: &str,
    sharing: &[&str],
    seed: u64,
) -> HashSet<usize> {
    let training = sharing.iter().filter(|name| **name == TRAINING);
    let runs = sharing.iter().chain(training.flat_map(|name| [name; MORE_RUNS_OF_TRAINING]));
    let turns: Vec<&str> = runs.flat_map(|name| [*name; RUN]).collect();
    let mut share = HashSet::new();
    for photos in by_category(collection).into_values() {
        let mut order: Vec<([u8; 32], usize)> = photos
            .into_iter()
            .map(|photo| (digest(seed, &collection.photos[photo].name), photo))
            .collect();
        order.sort_unstable();
        let dealt = order.into_iter().zip(turns.iter().cycle());
        share.extend(dealt.filter(|(_, turn)| **turn == split).map(|((_, photo), _)| photo));
    }
    share
}

/// The photos by the first category that is on them.
fn by_category(collection: &Collection) -> BTreeMap<&str, Vec<usize>> {
    let mut first: BTreeMap<usize, &str> = BTreeMap::new();
    for object in &collection.objects {
        let category = first.entry(object.place.photo).or_insert(&object.place.category);
        *category = (*category).min(&object.place.category);
    }
    let mut photos: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    first.into_iter().for_each(|(photo, category)| photos.entry(category).or_default().push(photo));
    photos
}

fn digest(seed: u64, name: &str) -> [u8; 32] {
    Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name).finalize().into()
}
