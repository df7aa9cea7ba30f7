//! What a comparison is told and tells.

use indexmap::IndexMap;
use serde::Serialize;

use crate::eval::bootstrap::Interval;
use crate::eval::column::label;
use crate::eval::protocol::name::ProtocolName;
use crate::visible::one_line;

/// What to compare and what to allow.
#[derive(Clone, Debug, Default)]
pub(crate) struct CompareOptions {
    /// The protocol that decides; the earlier report's headline if not given.
    pub protocol: Option<ProtocolName>,
    /// The alpha that decides, as reports write it; the earlier report's headline if not given.
    pub alpha: Option<String>,
    /// By how many points the deciding PCK may fall; nothing is a regression if not given.
    pub max_drop: Option<f64>,
    /// By how many points that of any category may fall; nothing is a regression if not given.
    pub max_drop_category: Option<f64>,
}

/// What changed from one report to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Comparison {
    /// The change that decides.
    pub headline: Change,
    /// By how many points it may fall.
    pub max_drop: Option<f64>,
    /// By how many points that of a category may fall.
    pub max_drop_category: Option<f64>,
    /// Whether it, or that of a category, fell by more.
    pub regression: bool,
    /// All protocols and alphas that both reports have.
    pub changes: Vec<Change>,
    /// The deciding PCK of each category: before and after.
    pub categories: IndexMap<String, [f64; 2]>,
    /// The categories whose deciding PCK fell, by how many points, the largest drop first.
    pub fallen: Vec<Fall>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The change of one number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Change {
    /// The protocol.
    pub protocol: ProtocolName,
    /// The alpha, as reports write it.
    pub alpha: String,
    /// PCK of the earlier report.
    pub before: f64,
    /// PCK of the later report.
    pub after: f64,
    /// `after - before`, in points.
    pub difference: f64,
    /// 95 % paired bootstrap interval of the difference, when both reports kept their pairs' scores.
    pub interval95: Option<Interval>,
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

/// Whether a change of this many points is a fall beyond what is allowed. Equal up to rounding is equal.
pub(super) fn falls_below(difference: f64, allowed: f64) -> bool {
    difference < -allowed - 1e-9
}

impl Comparison {
    /// Whether the headline itself fell by more than it may.
    pub(crate) fn headline_regression(&self) -> bool {
        self.max_drop.is_some_and(|allowed| falls_below(self.headline.difference, allowed))
    }

    /// The result for all pairs in one line.
    pub(crate) fn verdict(&self) -> String {
        let Change { protocol, alpha, before, after, difference, interval95 } = &self.headline;
        let interval = match interval95 {
            Some([low, high]) => format!(", 95 % interval {low:+.2} to {high:+.2}"),
            None => String::new(),
        };
        let change = format!(
            "`{protocol}` {} {before:.2} -> {after:.2} ({difference:+.2} points{interval})",
            label(alpha)
        );
        match self.max_drop {
            Some(allowed) if self.headline_regression() => {
                format!("regression: {change}; a drop of {allowed} is allowed")
            }
            Some(allowed) => format!("no regression: {change}; a drop of {allowed} is allowed"),
            None => change,
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
