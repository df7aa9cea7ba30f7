//! What a comparison must satisfy. Each condition is judged, named and told by itself.

use serde::Serialize;

use crate::eval::bootstrap::{Interval, interval};
use crate::eval::column::{fall, label};
use crate::eval::compare::change::Change;
use crate::eval::compare::options::CompareOptions;
use crate::visible::one_line;

/// How sure the significance of one number alone must be; of several, each by Bonferroni's correction, so that one
/// of them fails by chance no more often than one alone.
const LEVEL: f64 = 0.95;

/// A kind of condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rule {
    /// All pairs' score falls by at most so many points.
    MaxDrop,
    /// All pairs' score does not fall beyond chance.
    Significant,
    /// A category's score falls by at most so many points.
    MaxDropCategory,
}

impl Rule {
    /// What it is called in reports.
    fn name(self) -> &'static str {
        match self {
            Self::MaxDrop => "max-drop",
            Self::Significant => "significant",
            Self::MaxDropCategory => "max-drop-category",
        }
    }
}

/// A condition and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Condition {
    /// Its kind.
    pub rule: Rule,
    /// Which of the deciding protocol's numbers, as reports write it.
    pub alpha: String,
    /// The category, of conditions on one.
    pub category: Option<String>,
    /// By how many points it may fall.
    pub allowed: Option<f64>,
    /// The earlier score.
    pub before: f64,
    /// The later score.
    pub after: f64,
    /// How sure the interval is, as a part of 1.
    pub level: Option<f64>,
    /// The interval of the change that significance is told by.
    pub interval: Option<Interval>,
    /// Whether it is not satisfied.
    pub failed: bool,
}

impl Condition {
    /// A name that stays the same from run to run.
    pub(crate) fn name(&self) -> String {
        let category = self.category.as_ref().map(|name| format!(" {}", one_line(name)));
        format!("{} {}{}", self.rule.name(), label(&self.alpha), category.unwrap_or_default())
    }

    /// What may be, in words.
    pub(crate) fn limit(&self) -> String {
        match self.allowed {
            Some(allowed) => format!("a drop of {allowed} is allowed"),
            None => "a significant drop is not allowed".to_owned(),
        }
    }

    /// What significance was judged by, in words.
    pub(crate) fn judged_interval(&self) -> Option<String> {
        Some(interval_text(self.level?, self.interval?))
    }

    /// What was found, in one line.
    pub(crate) fn finding(&self) -> String {
        let Self { before, after, .. } = self;
        let interval = self.judged_interval();
        let interval = interval.map(|interval| format!(", {interval}")).unwrap_or_default();
        format!(
            "{}: {before:.2} -> {after:.2} ({:+.2} points{interval}); {}",
            self.name(),
            after - before,
            self.limit()
        )
    }
}

/// An interval of a change that is so sure, as a part of 1.
pub(super) fn interval_text(level: f64, [low, high]: Interval) -> String {
    format!("{} % interval {low:+.2} to {high:+.2}", Percent(level))
}

/// A part of 1 in percent, without zeros at the end.
struct Percent(f64);

impl std::fmt::Display for Percent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.2}", 100.0 * self.0);
        formatter.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Whether a score fell by more than is allowed. Equal up to rounding is equal.
pub(super) fn fell_beyond(alpha: &str, difference: f64, allowed: f64) -> bool {
    fall(alpha, difference) > allowed + 1e-9
}

/// A category's scores before and after.
pub(super) type CategoryScores<'a> = (&'a String, [f64; 2]);

/// The conditions on all pairs; `differences` are those of the resampled scores, where pairs were kept.
pub(super) fn of_all_pairs(
    changes: &[(&Change, Option<&Vec<f64>>)],
    options: &CompareOptions,
) -> Vec<Condition> {
    let level = 1.0 - (1.0 - LEVEL) / changes.len().max(1) as f64;
    let mut conditions = Vec::new();
    for (change, differences) in changes {
        let Change { alpha, before, after, difference, .. } = change;
        let condition = |rule, allowed, level, interval, failed| Condition {
            rule,
            alpha: alpha.clone(),
            category: None,
            allowed,
            before: *before,
            after: *after,
            level,
            interval,
            failed,
        };
        if let Some(allowed) = options.max_drop {
            let failed = fell_beyond(alpha, *difference, allowed);
            conditions.push(condition(Rule::MaxDrop, Some(allowed), None, None, failed));
        }
        if options.significant {
            let interval = differences.and_then(|values| interval(values.to_vec(), level));
            let nearest_end = |[low, high]: Interval| {
                // The end that is nearest to a rise.
                if fall(alpha, 1.0) > 0.0 { low } else { high }
            };
            let failed = interval.is_some_and(|ends| fell_beyond(alpha, nearest_end(ends), 0.0));
            conditions.push(condition(Rule::Significant, None, Some(level), interval, failed));
        }
    }
    conditions
}

/// The conditions on single categories.
pub(super) fn of_categories<'a>(
    alpha: &str,
    categories: impl IntoIterator<Item = CategoryScores<'a>>,
    allowed: f64,
) -> Vec<Condition> {
    let condition = |(category, [before, after]): CategoryScores| Condition {
        rule: Rule::MaxDropCategory,
        alpha: alpha.to_owned(),
        category: Some(category.clone()),
        allowed: Some(allowed),
        before,
        after,
        level: None,
        interval: None,
        failed: fell_beyond(alpha, after - before, allowed),
    };
    categories.into_iter().map(condition).collect()
}
