//! What a comparison tells.

use indexmap::IndexMap;
use serde::Serialize;

use crate::eval::column::label;
use crate::eval::compare::change::Change;
use crate::eval::compare::conditions::{Condition, interval_text};
use crate::eval::compare::flips::Flipped;
use crate::visible::one_line;

/// What changed from one report to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Comparison {
    /// The change that decides.
    pub headline: Change,
    /// By how many points it may fall.
    pub max_drop: Option<f64>,
    /// By how many points that of a category may fall.
    pub max_drop_category: Option<f64>,
    /// What had to be satisfied, and what became of it.
    pub conditions: Vec<Condition>,
    /// Whether a condition is not satisfied.
    pub regression: bool,
    /// All protocols and alphas that both reports have.
    pub changes: Vec<Change>,
    /// The deciding PCK of each category: before and after.
    pub categories: IndexMap<String, [f64; 2]>,
    /// The categories whose deciding PCK fell, by how many points, the largest drop first.
    pub fallen: Vec<Fall>,
    /// The pairs whose deciding score changed, where both reports kept their pairs' scores.
    pub flipped: Option<Flipped>,
    /// Where the two reports come from, if that is not the same.
    pub origins: Option<String>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// A category whose deciding PCK fell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Fall {
    /// The category.
    pub category: String,
    /// PCK of the earlier report.
    pub before: f64,
    /// PCK of the later report.
    pub after: f64,
    /// Whether that is more than a category may fall.
    pub regression: bool,
}

impl Fall {
    /// The change in points, with its numbers.
    pub(crate) fn change(&self) -> String {
        let Self { before, after, .. } = self;
        format!("{:+.2} ({before:.2} -> {after:.2})", after - before)
    }
}

impl Comparison {
    /// Whether the headline itself fails a condition.
    pub(crate) fn headline_regression(&self) -> bool {
        self.of_headline().any(|condition| condition.failed)
    }

    /// The conditions that are not satisfied.
    pub(crate) fn regressions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(|condition| condition.failed)
    }

    /// Those of them that neither the verdict nor the categories' verdict tells.
    pub(crate) fn other_regressions(&self) -> impl Iterator<Item = &Condition> {
        self.regressions().filter(|condition| condition.alpha != self.headline.alpha)
    }

    /// That conditions are not satisfied, where the verdict does not tell it.
    pub(crate) fn failing_elsewhere(&self) -> Option<String> {
        let (failed, all) = (self.regressions().count(), self.conditions.len());
        (failed > 0 && !self.headline_regression())
            .then(|| format!("regression: {failed} of {all} conditions are not satisfied"))
    }

    /// The conditions on the headline itself.
    fn of_headline(&self) -> impl Iterator<Item = &Condition> {
        let alpha = &self.headline.alpha;
        self.conditions
            .iter()
            .filter(move |condition| condition.category.is_none() && condition.alpha == *alpha)
    }

    /// The result for all pairs in one line.
    pub(crate) fn verdict(&self) -> String {
        let Change { protocol, alpha, before, after, difference, interval95 } = &self.headline;
        // What significance was judged by, or the usual one.
        let judged = self.of_headline().find_map(Condition::judged_interval);
        let usual = interval95.map(|ends| interval_text(0.95, ends));
        let interval = judged.or(usual).map(|interval| format!(", {interval}")).unwrap_or_default();
        let change = format!(
            "`{protocol}` {} {before:.2} -> {after:.2} ({difference:+.2} points{interval})",
            label(alpha)
        );
        let failing: Vec<String> =
            self.of_headline().filter(|condition| condition.failed).map(Condition::limit).collect();
        let limits: Vec<String> = self.of_headline().map(Condition::limit).collect();
        match (failing.is_empty(), limits.is_empty()) {
            (false, _) => format!("regression: {change}; {}", failing.join("; ")),
            (true, false) if self.regression => {
                format!("all pairs satisfy: {change}; {}", limits.join("; "))
            }
            (true, false) => format!("no regression: {change}; {}", limits.join("; ")),
            (true, true) if self.conditions.is_empty() || self.regression => change,
            (true, true) => {
                let count = self.conditions.len();
                format!("no regression: {change}; all of {count} conditions are satisfied")
            }
        }
    }

    /// The categories that fell in one line, the largest drop first; none where none did.
    pub(crate) fn category_verdict(&self) -> Option<String> {
        let list = |falls: &mut dyn Iterator<Item = &Fall>| {
            falls
                .map(|fall| format!("{} {}", one_line(&fall.category), fall.change()))
                .collect::<Vec<_>>()
        };
        let beyond = list(&mut self.fallen.iter().filter(|fall| fall.regression));
        let within = list(&mut self.fallen.iter().filter(|fall| !fall.regression));
        let allowed = self.max_drop_category.unwrap_or_default();
        match (beyond.is_empty(), within.is_empty()) {
            (true, true) => None,
            (true, false) => Some(format!("categories that fell: {}", within.join(", "))),
            (false, true) => Some(format!(
                "regression by category: {}; a drop of {allowed} is allowed",
                beyond.join(", ")
            )),
            (false, false) => Some(format!(
                "regression by category: {}; a drop of {allowed} is allowed; also fell: {}",
                beyond.join(", "),
                within.join(", ")
            )),
        }
    }
}
