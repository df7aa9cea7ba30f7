//! What a comparison is told and tells.

use indexmap::IndexMap;
use serde::Serialize;

use crate::eval::bootstrap::Interval;
use crate::eval::protocol::name::ProtocolName;

/// What to compare and what to allow.
#[derive(Clone, Debug, Default)]
pub(crate) struct CompareOptions {
    /// The protocol that decides; the earlier report's headline if not given.
    pub protocol: Option<ProtocolName>,
    /// The alpha that decides, as reports write it; the earlier report's headline if not given.
    pub alpha: Option<String>,
    /// By how many points the deciding PCK may fall; nothing is a regression if not given.
    pub max_drop: Option<f64>,
}

/// What changed from one report to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Comparison {
    /// The change that decides.
    pub headline: Change,
    /// By how many points it may fall.
    pub max_drop: Option<f64>,
    /// Whether it fell by more.
    pub regression: bool,
    /// All protocols and alphas that both reports have.
    pub changes: Vec<Change>,
    /// The deciding PCK of each category: before and after.
    pub categories: IndexMap<String, [f64; 2]>,
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

impl Comparison {
    /// The result in one line.
    pub(crate) fn verdict(&self) -> String {
        let Change { protocol, alpha, before, after, difference, interval95 } = &self.headline;
        let interval = match interval95 {
            Some([low, high]) => format!(", 95 % interval {low:+.2} to {high:+.2}"),
            None => String::new(),
        };
        let change = format!(
            "`{protocol}` PCK@{alpha} {before:.2} -> {after:.2} ({difference:+.2} points{interval})"
        );
        match self.max_drop {
            Some(allowed) if self.regression => {
                format!("regression: {change}; a drop of {allowed} is allowed")
            }
            Some(allowed) => format!("no regression: {change}; a drop of {allowed} is allowed"),
            None => change,
        }
    }
}
