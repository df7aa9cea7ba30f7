//! Two reports side by side: what changed, how sure that is, and whether it is a regression.

mod change;
mod comparison;
mod conditions;
mod flips;
mod foresight;
mod notes;
mod options;
mod paired;
mod rules;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result, anyhow, ensure};
use indexmap::IndexMap;

use crate::eval::bootstrap::interval95;
use crate::eval::column::fall;
use crate::eval::compare::conditions::fell_beyond;
use crate::eval::compare::paired::{holds_pairs, paired_differences};
use crate::eval::protocol::name::ProtocolName;
use crate::eval::protocol::rules::Average;
use crate::eval::report::{DatasetReport, Headline, ProtocolReport, Report};
use crate::eval::summary::Group;
use crate::failure::{Blame, Fault};
use crate::spelling::shortened;
use crate::visible::one_line;
pub(crate) use change::Change;
pub(crate) use comparison::{Comparison, Fall};
pub(crate) use conditions::Condition;
pub(crate) use flips::Flip;
use flips::Flipped;
pub(crate) use foresight::{Foreseen, ensure_comparable};
use notes::{doubts, origins, rules_differ};
pub(crate) use options::{Alphas, CompareOptions};
pub(crate) use rules::{same_rules, transfer_note};

/// Compares the report `after` with the earlier report `before`.
///
/// # Errors
/// When the two do not measure the same thing, or lack the number that is to decide: marked as the earlier report's
/// fault, unless the later one lacks something that the earlier one has.
pub(crate) fn compare(
    before: &Report,
    after: &Report,
    options: &CompareOptions,
) -> Result<Comparison> {
    let attempt = || -> Result<Comparison> {
        ensure_same_pairs(&before.dataset, &after.dataset)?;
        let shared = shared_protocols(before, after)?;
        let (changes, differences) = changes(before, after, &shared)?;
        let Headline { protocol, alpha, .. } = &before.headline;
        let protocol = options.protocol.unwrap_or(*protocol);
        let alpha = options.alpha.as_ref().unwrap_or(alpha);
        let headline =
            find(&changes, protocol, alpha, "choose with --protocol and --alpha")?.clone();
        let judged = judged(&changes, &headline, &options.alphas)?;
        if options.significant {
            holds_pairs(before, "the earlier report")?;
            holds_pairs(after, "the later report").blame(Fault::Data)?;
        }
        let categories = categories(before, after, &headline, &headline.alpha);
        let of_pairs: Vec<_> = judged
            .iter()
            .map(|&place| (&changes[place], differences.as_ref().map(|all| &all[place])))
            .collect();
        let mut conditions = conditions::of_all_pairs(&of_pairs, options);
        if let Some(allowed) = options.max_drop_category {
            let on_categories = on_categories(before, after, &of_pairs, &headline, allowed);
            conditions.extend(on_categories.blame(Fault::Data)?);
        }
        let fallen = fallen(&categories, &headline, &conditions);
        Ok(Comparison {
            regression: conditions.iter().any(|condition| condition.failed),
            max_drop: options.max_drop,
            max_drop_category: options.max_drop_category,
            conditions,
            categories,
            fallen,
            flipped: before
                .pairs
                .as_ref()
                .zip(after.pairs.as_ref())
                .map(|(before, after)| Flipped::new(before, after, &headline)),
            origins: origins(before, after),
            notes: [rules_differ(&shared), doubts(before, after, &headline, options)].concat(),
            headline,
            changes,
        })
    };
    attempt().context("comparing the reports").otherwise_blame(Fault::Baseline)
}

/// The change of one number.
///
/// # Errors
/// When the reports do not share it; the error says the `way_out`.
fn find<'a>(
    changes: &'a [Change],
    protocol: ProtocolName,
    alpha: &str,
    way_out: &str,
) -> Result<&'a Change> {
    let decides = |change: &&Change| change.protocol == protocol && change.alpha == *alpha;
    changes.iter().find(decides).with_context(|| {
        let name = |change: &Change| format!("`{}` at {}", change.protocol, change.alpha);
        let names: Vec<_> = changes.iter().map(name).collect();
        format!(
            "`{protocol}` at alpha {alpha} is not in both: they share {}; {way_out}",
            if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
        )
    })
}

/// The places of the changes that must satisfy the conditions.
fn judged(changes: &[Change], headline: &Change, alphas: &Alphas) -> Result<Vec<usize>> {
    if let Alphas::These(these) = alphas {
        let way_out = "choose among these with --alphas";
        these
            .iter()
            .try_for_each(|alpha| find(changes, headline.protocol, alpha, way_out).map(drop))?;
    }
    let is_judged = |change: &Change| {
        change.protocol == headline.protocol
            && match alphas {
                Alphas::Headline => change.alpha == headline.alpha,
                Alphas::All => true,
                Alphas::These(these) => these.contains(&change.alpha),
            }
    };
    Ok((0..changes.len()).filter(|place| is_judged(&changes[*place])).collect())
}

/// The conditions on categories.
///
/// # Errors
/// When the later report lacks a category.
fn on_categories(
    before: &Report,
    after: &Report,
    judged: &[(&Change, Option<&Vec<f64>>)],
    headline: &Change,
    allowed: f64,
) -> Result<Vec<Condition>> {
    let mut conditions = Vec::new();
    for (Change { alpha, .. }, _) in judged {
        let both = categories(before, after, headline, alpha);
        let lost = lost(before, &both, headline);
        ensure!(
            lost.is_empty(),
            "of the categories {} the later report has no score, so that no drop can be told: evaluate it again",
            shortened(&lost)
        );
        let scores = both.iter().map(|(category, scores)| (category, *scores));
        conditions.extend(conditions::of_categories(alpha, scores, allowed));
    }
    Ok(conditions)
}

/// Ensures that two reports are about the same pairs.
///
/// # Errors
/// When they are not; the error says what differs, and is marked as the data's fault where the later report is known
/// to lack pairs.
pub(crate) fn ensure_same_pairs(before: &DatasetReport, after: &DatasetReport) -> Result<()> {
    for (what, before, after) in
        [("dataset", &before.name, &after.name), ("split", &before.split, &after.split)]
    {
        ensure!(before == after, "they are of different {what}s: `{before}` and `{after}`");
    }
    if before.fingerprint == after.fingerprint {
        return Ok(());
    }
    let DatasetReport { missing, skipped, .. } = after;
    let fewer = after.pairs < before.pairs && missing + skipped > 0;
    let left_out = match fewer {
        true => format!("; of the later, {missing} had no prediction and {skipped} were left out"),
        false => String::new(),
    };
    let differing = Err(anyhow!(
        "they cover different pairs or annotations: {} pairs with fingerprint {:.12} and {} pairs with {:.12}{left_out}",
        before.pairs,
        before.fingerprint,
        after.pairs,
        after.fingerprint
    ));
    if fewer { differing.blame(Fault::Data) } else { differing }
}

type ProtocolPair<'a> = (&'a ProtocolReport, &'a ProtocolReport);

fn shared_protocols<'a>(before: &'a Report, after: &'a Report) -> Result<Vec<ProtocolPair<'a>>> {
    let mut shared = Vec::new();
    for first in &before.protocols {
        let Some(second) = after.protocol(first.name) else { continue };
        same_rules(first.name, first.rules(), second.rules())?;
        shared.push((first, second));
    }
    Ok(shared)
}

/// What changed, and, where both reports kept their pairs, each change in every draw of these.
type Changes = (Vec<Change>, Option<Vec<Vec<f64>>>);

fn changes(before: &Report, after: &Report, shared: &[ProtocolPair]) -> Result<Changes> {
    let mut changes = Vec::new();
    for (first, second) in shared {
        for (alpha, &before) in &first.overall {
            let Some(&after) = second.overall.get(alpha) else { continue };
            let (protocol, alpha) = (first.name, alpha.clone());
            let difference = after - before;
            changes.push(Change { protocol, alpha, before, after, difference, interval95: None });
        }
    }
    let (Some(before), Some(after)) = (&before.pairs, &after.pairs) else {
        return Ok((changes, None));
    };
    let averages: Vec<Average> = changes
        .iter()
        .filter_map(|change| shared.iter().find(|(first, _)| first.name == change.protocol))
        .map(|(first, _)| first.average)
        .collect();
    let differences = paired_differences(before, after, &changes, &averages)?;
    for (change, values) in changes.iter_mut().zip(&differences) {
        change.interval95 = interval95(values.clone());
    }
    Ok((changes, Some(differences)))
}

/// The scores of each category under the deciding protocol, before and after.
fn categories(
    before: &Report,
    after: &Report,
    headline: &Change,
    alpha: &str,
) -> IndexMap<String, [f64; 2]> {
    let (Some(before), Some(after)) =
        (before.protocol(headline.protocol), after.protocol(headline.protocol))
    else {
        return IndexMap::new();
    };
    let both = |(category, group): (&String, &Group)| {
        let before = group.pck.get(alpha)?;
        let after = after.categories.get(category)?.pck.get(alpha)?;
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
fn fallen(
    categories: &IndexMap<String, [f64; 2]>,
    headline: &Change,
    conditions: &[Condition],
) -> Vec<Fall> {
    let fails = |category: &String| {
        conditions.iter().any(|condition| {
            condition.failed
                && condition.alpha == headline.alpha
                && condition.category.as_ref() == Some(category)
        })
    };
    let fell = |(category, &[before, after]): (&String, &[f64; 2])| {
        let (regression, category) = (fails(category), category.clone());
        fell_beyond(&headline.alpha, after - before, 0.0).then_some(Fall {
            category,
            before,
            after,
            regression,
        })
    };
    let mut fallen: Vec<Fall> = categories.iter().filter_map(fell).collect();
    let drop = |fell: &Fall| fall(&headline.alpha, fell.after - fell.before);
    fallen.sort_by(|one, other| drop(other).total_cmp(&drop(one)));
    fallen
}
