//! Which levels to read of a backbone that a matcher of several levels was not made for.

use crate::model::features::{LAST, LevelShape};

/// Most levels that are read.
const MOST: usize = 8;

/// Instead of levels of which a backbone does not offer all: of one whose blocks have features of one form, as those of a
/// vision transformer, eight spread evenly over the deeper two thirds, the last among them. None where a matcher can
/// read its own, or blocks differ so that there is no telling which are meant.
///
/// Nobody has published which blocks CATs or TransforMatcher reads of a transformer. In the first third features say more
/// of places than of things (Amir et al. 2021); eight levels are as many as CATs reads of a ResNet.
pub(super) fn instead_of(own: &[String], offered: &[LevelShape]) -> Option<Vec<String>> {
    let offers = |name: &String| offered.iter().any(|level| level.name == *name);
    let blocks: Vec<&LevelShape> = offered.iter().filter(|level| level.name != LAST).collect();
    let first = blocks.first()?;
    let are_alike = blocks.iter().all(|level| level.shape == first.shape);
    if !are_alike || own.iter().all(offers) {
        return None;
    }
    let (begin, last) = (blocks.len() / 3, blocks.len() - 1);
    let count = MOST.min(last - begin + 1);
    let at = |index: usize| begin + (index * (last - begin)).div_ceil((count - 1).max(1));
    Some((0..count).map(|index| blocks[at(index)].name.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::features::FeatureShape;

    fn offered(blocks: i64, dim: impl Fn(i64) -> i64) -> Vec<LevelShape> {
        let level = |block: i64| LevelShape {
            name: format!("block-{block}"),
            shape: FeatureShape::square(dim(block), 16),
        };
        let last = LevelShape::last(FeatureShape::square(dim(blocks), 16));
        (1..=blocks).map(level).chain([last]).collect()
    }

    fn chosen(own: &[&str], offered: &[LevelShape]) -> Option<Vec<i64>> {
        let own: Vec<String> = own.iter().map(ToString::to_string).collect();
        let names = instead_of(&own, offered)?;
        Some(names.iter().map(|name| name["block-".len()..].parse().unwrap()).collect())
    }

    #[test]
    fn the_deeper_two_thirds_of_a_transformer_are_read_evenly() {
        let of = |blocks: i64| chosen(&["block-0"], &offered(blocks, |_| 768));
        assert_eq!(of(12), Some(vec![5, 6, 7, 8, 9, 10, 11, 12]));
        assert_eq!(of(24), Some(vec![9, 12, 14, 16, 18, 20, 22, 24]));
        assert_eq!(of(2), Some(vec![1, 2]));
        assert_eq!(of(1), Some(vec![1]));
    }

    #[test]
    fn levels_that_are_there_stay_and_unlike_ones_are_not_guessed() {
        assert_eq!(chosen(&["block-2", "block-5"], &offered(12, |_| 768)), None);
        assert_eq!(chosen(&["block-20"], &offered(16, |block| 256 << (block / 5))), None);
    }
}
