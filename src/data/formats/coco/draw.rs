//! Pairs drawn within each category.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::data::formats::Draw;
use crate::data::formats::coco::sound::Sound;

/// Pairs looked at for each that is wanted: some have no keypoint in common.
const TRIED: usize = 4;

/// Ordered pairs of the objects of each category that are on different photos and have a keypoint in common: all,
/// or as many as are wanted.
pub(super) fn pairs<'a>(
    objects: &'a [Sound<'a>],
    split: &str,
    draw: Draw,
) -> Vec<[&'a Sound<'a>; 2]> {
    let mut members: BTreeMap<&str, Vec<&Sound>> = BTreeMap::new();
    for object in objects {
        members.entry(&object.object.place.category).or_default().push(object);
    }
    let mut pairs = Vec::new();
    for (category, mut members) in members {
        members.sort_by(|first, second| first.image.path.cmp(&second.image.path));
        let others = members.len() - 1;
        let all = members.len() * others;
        let mut rng = generator(draw.seed, split, category);
        let tried = index::sample(&mut rng, all, all.min(TRIED.saturating_mul(draw.pairs)));
        let mut drawn: Vec<usize> = tried
            .into_iter()
            .filter(|number| {
                let [source, target] = chosen(&members, *number);
                source.image.path != target.image.path && !source.common(target).is_empty()
            })
            .take(draw.pairs)
            .collect();
        drawn.sort_unstable();
        pairs.extend(drawn.into_iter().map(|number| chosen(&members, number)));
    }
    pairs
}

/// The pair of a number below `n * (n - 1)`.
fn chosen<'a>(members: &[&'a Sound<'a>], number: usize) -> [&'a Sound<'a>; 2] {
    let (source, other) = (number / (members.len() - 1), number % (members.len() - 1));
    let target = if other < source { other } else { other + 1 };
    [members[source], members[target]]
}

fn generator(seed: u64, split: &str, category: &str) -> ChaCha8Rng {
    let hash = Sha256::new().chain_update(seed.to_le_bytes());
    let hash = hash.chain_update(split).chain_update([0]).chain_update(category);
    ChaCha8Rng::from_seed(hash.finalize().into())
}
