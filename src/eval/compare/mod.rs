//! Two reports side by side: what changed, how sure that is, and whether it is a regression.

mod comparison;
mod paired;

use anyhow::{Context, Result, bail, ensure};
use indexmap::IndexMap;

use crate::eval::compare::paired::paired_intervals;
use crate::eval::protocol::rules::Average;
use crate::eval::report::{DatasetReport, Headline, ProtocolReport, Report};
use crate::eval::summary::Group;
use crate::spelling::shortened;
use crate::visible::one_line;
use comparison::falls_below;
pub(crate) use comparison::{Change, CompareOptions, Comparison, Fall};

/// Compares the report `after` with the earlier report `before`.
///
/// # Errors
/// When the two do not measure the same thing, or lack the number that is to decide.
pub(crate) fn compare(
    before: &Report,
    after: &Report,
    options: &CompareOptions,
) -> Result<Comparison> {
    let attempt = || -> Result<Comparison> {
        ensure_same_pairs(&before.dataset, &after.dataset)?;
        let shared = shared_protocols(before, after)?;
        let changes = changes(before, after, &shared)?;
        let Headline { protocol, alpha, .. } = &before.headline;
        let protocol = options.protocol.unwrap_or(*protocol);
        let alpha = options.alpha.as_ref().unwrap_or(alpha);
        let decides = |change: &&Change| change.protocol == protocol && change.alpha == *alpha;
        let headline = changes.iter().find(decides).cloned().with_context(|| {
            let names: Vec<_> =
                changes.iter().map(|change| format!("`{}` at {}", change.protocol, change.alpha)).collect();
            format!(
                "`{protocol}` at alpha {alpha} is not in both: they share {}; choose with --protocol \
                 and --alpha",
                if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
            )
        })?;
        let categories = categories(before, after, &headline);
        let lost = lost(before, &categories, &headline);
        ensure!(
            lost.is_empty() || options.max_drop_category.is_none(),
            "of the categories {} the later report has no score, so that no drop can be told: evaluate it again",
            shortened(&lost)
        );
        let fallen = fallen(&categories, options.max_drop_category);
        let fell_below = |allowed: f64| falls_below(headline.difference, allowed);
        Ok(Comparison {
            regression: options.max_drop.is_some_and(fell_below)
                || fallen.iter().any(|fall| fall.regression),
            max_drop: options.max_drop,
            max_drop_category: options.max_drop_category,
            categories,
            fallen,
            notes: notes(&shared),
            headline,
            changes,
        })
    };
    attempt().context("comparing the reports")
}

/// Ensures that two reports are about the same pairs.
///
/// # Errors
/// When they are not; the error says what differs.
pub(crate) fn ensure_same_pairs(before: &DatasetReport, after: &DatasetReport) -> Result<()> {
    for (what, before, after) in
        [("dataset", &before.name, &after.name), ("split", &before.split, &after.split)]
    {
        ensure!(before == after, "they are of different {what}s: `{before}` and `{after}`");
    }
    ensure!(
        before.fingerprint == after.fingerprint,
        "they cover different pairs or annotations: {} pairs with fingerprint {:.12} and {} pairs with \
         {:.12}",
        before.pairs,
        before.fingerprint,
        after.pairs,
        after.fingerprint
    );
    Ok(())
}

type ProtocolPair<'a> = (&'a ProtocolReport, &'a ProtocolReport);

fn shared_protocols<'a>(before: &'a Report, after: &'a Report) -> Result<Vec<ProtocolPair<'a>>> {
    let mut shared = Vec::new();
    for first in &before.protocols {
        let Some(second) = after.protocol(first.name) else { continue };
        let rules = |protocol: &ProtocolReport| {
            (protocol.threshold, protocol.frame, protocol.average, protocol.ties)
        };
        if rules(first) != rules(second) {
            bail!(
                "their protocols `{}` measure differently: {:?} and {:?}",
                first.name,
                rules(first),
                rules(second)
            );
        }
        shared.push((first, second));
    }
    Ok(shared)
}

fn notes(shared: &[ProtocolPair]) -> Vec<String> {
    let note = |(before, after): &ProtocolPair| {
        (before.transfer != after.transfer).then(|| {
            format!(
                "`{}` got its predictions by different rules: {} and {}",
                before.name,
                before.transfer.as_str(),
                after.transfer.as_str()
            )
        })
    };
    shared.iter().filter_map(note).collect()
}

fn changes(before: &Report, after: &Report, shared: &[ProtocolPair]) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (first, second) in shared {
        for (alpha, &before) in &first.overall {
            let Some(&after) = second.overall.get(alpha) else { continue };
            let (protocol, alpha) = (first.name, alpha.clone());
            let difference = after - before;
            changes.push(Change { protocol, alpha, before, after, difference, interval95: None });
        }
    }
    if let (Some(before), Some(after)) = (&before.pairs, &after.pairs) {
        let averages: Vec<Average> = changes
            .iter()
            .filter_map(|change| shared.iter().find(|(first, _)| first.name == change.protocol))
            .map(|(first, _)| first.average)
            .collect();
        let intervals = paired_intervals(before, after, &changes, &averages)?;
        for (change, interval) in changes.iter_mut().zip(intervals) {
            change.interval95 = interval;
        }
    }
    Ok(changes)
}

fn categories(before: &Report, after: &Report, headline: &Change) -> IndexMap<String, [f64; 2]> {
    let (Some(before), Some(after)) =
        (before.protocol(headline.protocol), after.protocol(headline.protocol))
    else {
        return IndexMap::new();
    };
    let both = |(category, group): (&String, &Group)| {
        let before = group.pck.get(&headline.alpha)?;
        let after = after.categories.get(category)?.pck.get(&headline.alpha)?;
        Some((category.clone(), [*before, *after]))
    };
    before.categories.iter().filter_map(both).collect()
}

/// The categories of the earlier report that have no score in both.
fn lost(before: &Report, both: &IndexMap<String, [f64; 2]>, headline: &Change) -> Vec<String> {
    let categories = before.protocol(headline.protocol).map(|protocol| protocol.categories.keys());
    let names = categories.into_iter().flatten().filter(|name| !both.contains_key(*name));
    names.map(|name| format!("`{}`", one_line(name))).collect()
}

/// The categories that fell, the largest drop first.
fn fallen(categories: &IndexMap<String, [f64; 2]>, allowed: Option<f64>) -> Vec<Fall> {
    let fall = |(category, &[before, after]): (&String, &[f64; 2])| {
        let difference = after - before;
        let regression = allowed.is_some_and(|allowed| falls_below(difference, allowed));
        let category = category.clone();
        falls_below(difference, 0.0).then_some(Fall { category, before, after, regression })
    };
    let mut fallen: Vec<Fall> = categories.iter().filter_map(fall).collect();
    fallen.sort_by(|one, other| (one.after - one.before).total_cmp(&(other.after - other.before)));
    fallen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::report;

    /// A report of 30 pairs with 4 keypoints, of which as many are right as `correct` says.
    fn scored(correct: impl Fn(usize) -> usize) -> Report {
        report(&(0..30).map(correct).collect::<Vec<_>>())
    }

    fn options(max_drop: f64) -> CompareOptions {
        CompareOptions { max_drop: Some(max_drop), ..CompareOptions::default() }
    }

    #[test]
    fn drop_beyond_the_allowed_points_is_a_regression_and_one_at_the_limit_is_not() {
        let before = scored(|_| 2);
        let after = scored(|pair| if pair < 3 { 1 } else { 2 });
        let compared = |max_drop| compare(&before, &after, &options(max_drop)).unwrap();
        assert_eq!(compared(1.0).headline.difference, -2.5);
        assert!(compared(2.4).regression);
        assert!(!compared(2.5).regression);
        assert!(
            compared(1.0).verdict().starts_with("regression: `standard` PCK@0.1 50.00 -> 47.50")
        );
        let unlimited = compare(&before, &after, &CompareOptions::default()).unwrap();
        assert!(!unlimited.regression);
        assert!(!compare(&after, &before, &options(0.0)).unwrap().regression);
    }

    #[test]
    fn a_category_that_falls_is_named_and_may_decide() {
        // `cat` rises by as much as `dog` falls.
        let before = scored(|_| 2);
        let after = scored(|pair| if pair % 2 == 0 { 3 } else { 1 });
        let compared = |max_drop_category| {
            let options =
                CompareOptions { max_drop: Some(1.0), max_drop_category, ..Default::default() };
            compare(&before, &after, &options).unwrap()
        };
        let silent = compared(None);
        assert!(!silent.regression && !silent.headline_regression());
        let dog = "dog <&\"> -25.00 (50.00 -> 25.00)";
        assert_eq!(silent.category_verdict(), Some(format!("categories that fell: {dog}")));
        assert!(!compared(Some(25.0)).regression);
        let beyond = compared(Some(20.0));
        assert!(beyond.regression && !beyond.headline_regression());
        assert_eq!(
            beyond.category_verdict(),
            Some(format!("regression by category: {dog}; a drop of 20 is allowed"))
        );
        assert!(beyond.verdict().starts_with("no regression: "), "{}", beyond.verdict());
        assert_eq!(compare(&before, &before, &options(0.0)).unwrap().category_verdict(), None);
    }

    #[test]
    fn interval_is_paired() {
        // Pairs differ a lot from each other, but the change is the same in each.
        let before = scored(|pair| pair % 4);
        let after = scored(|pair| pair % 4 + 1);
        let change = compare(&before, &after, &CompareOptions::default()).unwrap().headline;
        let [low, high] = change.interval95.unwrap();
        assert!((low - 25.0).abs() < 1e-9 && (high - 25.0).abs() < 1e-9, "{low}..{high}");
    }

    #[test]
    fn report_without_pairs_is_compared_without_an_interval() {
        let before = Report { pairs: None, ..scored(|_| 2) };
        let change = compare(&before, &scored(|_| 3), &CompareOptions::default()).unwrap().headline;
        assert_eq!((change.difference, change.interval95), (25.0, None));
    }

    #[test]
    fn unlike_reports_are_refused() {
        let before = scored(|_| 2);
        let refusal = |change: &dyn Fn(&mut Report)| {
            let mut after = before.clone();
            change(&mut after);
            format!("{:#}", compare(&before, &after, &CompareOptions::default()).unwrap_err())
        };
        let text = refusal(&|report| report.dataset.split = "val".into());
        assert!(text.contains("different splits: `test` and `val`"), "{text}");
        let text = refusal(&|report| report.dataset.fingerprint = "b".repeat(64));
        assert!(text.contains("different pairs or annotations"), "{text}");
        let text = refusal(&|report| report.protocols[0].average = Average::Keypoints);
        assert!(text.contains("`standard` measure differently"), "{text}");
        let mut after = before.clone();
        after.protocols[0].categories.shift_remove("dog <&\">");
        let limited = CompareOptions { max_drop_category: Some(1.0), ..CompareOptions::default() };
        let text = format!("{:#}", compare(&before, &after, &limited).unwrap_err());
        assert!(text.contains("categories `dog <&\">` the later report has no score"), "{text}");
        let text = refusal(&|report| report.protocols[0].name = "paper".parse().unwrap());
        assert!(text.contains("`standard` at alpha 0.1 is not in both"), "{text}");
    }
}
