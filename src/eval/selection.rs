//! Which pairs of a split are evaluated.

use std::collections::HashSet;

use anyhow::{Result, bail};
use indexmap::IndexMap;

use crate::data::Pair;
use crate::eval::predictions::Prediction;
use crate::eval::problems::Problems;
use crate::eval::protocol::Protocol;
use crate::spelling::{counted, meant};
use crate::visible::one_line;

/// Keeps the pairs of the given categories (all if none are given), then the first `limit`; says how many of each
/// of several categories that were, where the limit left out any.
///
/// # Errors
/// When a category has no pair; the error names the nearest that has.
pub(crate) fn select(
    pairs: &mut Vec<Pair>,
    categories: &[String],
    limit: Option<usize>,
) -> Result<Option<String>> {
    for category in categories {
        if !pairs.iter().any(|pair| pair.category == *category) {
            let mut present: Vec<&str> = pairs.iter().map(|pair| pair.category.as_str()).collect();
            present.sort_unstable();
            present.dedup();
            bail!(
                "no pair has the category `{}`{}; there are: {}",
                one_line(category),
                meant(category, present.iter().copied()),
                one_line(&present.join(", "))
            );
        }
    }
    pairs.retain(|pair| categories.is_empty() || categories.contains(&pair.category));
    let before = counts(pairs);
    let Some(limit) = limit.filter(|limit| *limit < pairs.len()) else { return Ok(None) };
    pairs.truncate(limit);
    let taken = counts(pairs);
    let share = |(category, count): (&String, &usize)| {
        format!("{} {} of {count}", one_line(category), taken.get(category).unwrap_or(&0))
    };
    let shares: Vec<String> = before.iter().map(share).collect();
    Ok((before.len() > 1).then(|| {
        format!(
            "--limit takes the first {} of the list: {}",
            counted(limit, "pair"),
            shares.join(", ")
        )
    }))
}

/// How many pairs of each category there are, in the order in which these begin.
fn counts(pairs: &[Pair]) -> IndexMap<String, usize> {
    let mut counts = IndexMap::new();
    for pair in pairs {
        *counts.entry(pair.category.clone()).or_default() += 1;
    }
    counts
}

/// Keeps the pairs that `predictions` are about, and returns how many others there were.
pub(crate) fn keep_predicted(pairs: &mut Vec<Pair>, predictions: &[Prediction]) -> usize {
    let predicted: HashSet<usize> = predictions.iter().map(|prediction| prediction.pair).collect();
    let before = pairs.len();
    pairs.retain(|pair| predicted.contains(&pair.index));
    before - pairs.len()
}

/// Keeps the predictions for `pairs`.
pub(crate) fn keep_selected(predictions: &mut Vec<Prediction>, pairs: &[Pair]) {
    let selected: HashSet<usize> = pairs.iter().map(|pair| pair.index).collect();
    predictions.retain(|prediction| selected.contains(&prediction.pair));
}

/// Removes the pairs that some protocol cannot measure, and says what is wrong with each: better before
/// the network runs than after.
pub(crate) fn remove_unmeasurable(pairs: &mut Vec<Pair>, protocols: &[Protocol]) -> Problems {
    let mut problems = Problems::with("unscorable pair");
    pairs.retain(|pair| {
        let mut found = protocols.iter().map(|protocol| protocol.ensure_measurable(pair));
        let Some(error) = found.find_map(Result::err) else { return true };
        problems.push(|| format!("{error:#}"));
        false
    });
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::{pair, protocol};

    fn pairs() -> Vec<Pair> {
        let of_category = |category: &&str| {
            let mut pair = pair(&[(1.0, 1.0)], &[(1.0, 1.0)]);
            pair.category = category.to_string();
            pair
        };
        ["cat", "dog", "dog", "horse"].iter().map(of_category).collect()
    }

    #[test]
    fn categories_are_chosen_before_the_limit_counts() {
        let mut selected = pairs();
        let categories = ["dog".into(), "horse".into()];
        let note = select(&mut selected, &categories, Some(2)).unwrap().unwrap();
        assert!(selected.iter().map(|pair| &pair.category).eq(["dog", "dog"]));
        assert!(note.ends_with("list: dog 2 of 2, horse 0 of 1"), "{note}");
        assert_eq!(select(&mut pairs(), &categories, Some(3)).unwrap(), None);
        assert_eq!(select(&mut pairs(), &["dog".into()], Some(1)).unwrap(), None);
    }

    #[test]
    fn unknown_category_names_the_nearest() {
        let error = select(&mut pairs(), &["hors".into()], None).unwrap_err().to_string();
        assert!(error.contains("`hors` (did you mean `horse`?)"), "{error}");
    }

    #[test]
    fn pairs_without_a_threshold_are_found_before_the_run() {
        let mut pairs = pairs();
        pairs[1].target.bounding_box = None;
        pairs[2].target.bounding_box = Some([5.0, 5.0, 5.0, 5.0].into());
        let protocol = protocol("standard", "spair71k").unwrap();
        let problems = remove_unmeasurable(&mut pairs, &[protocol]);
        assert_eq!((pairs.len(), problems.count()), (2, 2));
        let error = problems.ensure_none().unwrap_err().to_string();
        assert!(
            error.starts_with("2 unscorable pairs:") && error.contains("(--skip-bad"),
            "{error}"
        );
        assert!(error.contains("is 0, so that no threshold can refer to it"), "{error}");
    }
}
