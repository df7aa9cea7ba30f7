//! PCK of each part of a category, where the dataset says what its keypoints are.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::eval::column::Column;
use crate::eval::summary::{Evaluation, PckByAlpha};
use crate::pck;

/// The PCK of one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartReport {
    /// How many keypoints.
    pub keypoints: usize,
    /// PCK in percent by alpha, the mean over keypoints.
    pub pck: PckByAlpha,
}

/// By category, then by the part's name or number.
pub(crate) type Parts = IndexMap<String, IndexMap<String, PartReport>>;

/// The parts of each category under the first protocol, in the order of their names, numbers as numbers; empty where no pair
/// says what its keypoints are.
pub(crate) fn parts(evaluation: &Evaluation) -> Parts {
    let alphas: Vec<f64> = evaluation.columns.iter().filter_map(|column| column.alpha()).collect();
    let mut counts: BTreeMap<&str, BTreeMap<Key, Vec<usize>>> = BTreeMap::new();
    for (pair, measured) in evaluation.pairs.iter().zip(&evaluation.protocols[0].measured) {
        if pair.parts.len() != measured.distances.len() {
            continue;
        }
        let rights: Vec<Vec<bool>> =
            alphas.iter().map(|alpha| measured.right(*alpha).collect()).collect();
        let parts = counts.entry(&pair.category).or_default();
        for (index, part) in pair.parts.iter().enumerate() {
            let sums =
                parts.entry(Key::of(&part.name)).or_insert_with(|| vec![0; alphas.len() + 1]);
            sums[alphas.len()] += 1;
            sums.iter_mut().zip(&rights).for_each(|(sum, right)| *sum += usize::from(right[index]));
        }
    }
    let report = |(Key(_, name), sums): (Key, Vec<usize>)| {
        let keypoints = sums[alphas.len()];
        let pck = |(alpha, right): (&f64, &usize)| {
            (Column::Pck(*alpha).key(), pck::percent(*right as f64, keypoints as f64))
        };
        let pck = alphas.iter().zip(&sums).map(pck).collect();
        (name.to_owned(), PartReport { keypoints, pck })
    };
    let category = |(category, parts): (&str, BTreeMap<Key, Vec<usize>>)| {
        (category.to_owned(), parts.into_iter().map(report).collect())
    };
    counts.into_iter().map(category).collect()
}

/// A part's place in the order of a category: numbers first, by their value.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a>(usize, &'a str);

impl<'a> Key<'a> {
    fn of(name: &'a str) -> Self {
        Self(name.parse().unwrap_or(usize::MAX), name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::parts::Part;
    use crate::eval::testing::{evaluated, pairs_and_predictions};

    #[test]
    fn each_part_of_a_category_has_its_own_mean() {
        let (mut pairs, predictions) = pairs_and_predictions(&[3, 1, 1]);
        for pair in &mut pairs {
            pair.parts = ["10", "9", "left ear", "tail"].map(Part::new).to_vec();
        }
        let (evaluation, _) = evaluated(&pairs, &predictions);
        let parts = parts(&evaluation);
        let cat = &parts["cat"];
        assert!(cat.keys().eq(["9", "10", "left ear", "tail"]));
        let of = |name: &str| (cat[name].keypoints, cat[name].pck["0.1"]);
        assert_eq!([of("10"), of("9"), of("tail")], [(2, 100.0), (2, 50.0), (2, 0.0)]);
        pairs.iter_mut().for_each(|pair| pair.parts.clear());
        assert!(super::parts(&evaluated(&pairs, &predictions).0).is_empty());
    }
}
