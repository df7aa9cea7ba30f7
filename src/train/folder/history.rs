//! What `metrics.jsonl` tells of a run.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::train::folder::METRICS;
use crate::visible::Shown;

/// The lines of a run's metrics, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    lines: Vec<Map<String, Value>>,
}

/// A validation of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Validated {
    /// Optimizer steps done.
    pub step: u64,
    /// PCK in percent.
    pub pck: f64,
}

impl History {
    /// Reads the metrics of the run in a folder. A line that is being written does not count.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(METRICS);
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.shown()))?;
        Ok(Self::of(&text))
    }

    fn of(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        Self { lines: lines.collect() }
    }

    /// A number over the optimizer steps, as `[step, value]`: of each line that has it.
    pub(crate) fn series(&self, key: &str) -> Vec<[f64; 2]> {
        let number = |line: &Map<String, Value>, key| line.get(key).and_then(Value::as_f64);
        self.lines
            .iter()
            .filter_map(|line| Some([number(line, "step")?, number(line, key)?]))
            .collect()
    }

    /// The names of the loss's terms that are minimised.
    pub(crate) fn terms(&self) -> Vec<String> {
        let weights = self.lines.iter().rev().find_map(|line| line.get("weights")?.as_object());
        let minimised = weights.into_iter().flatten();
        let minimised = minimised.filter(|(_, weight)| weight.as_f64() != Some(0.0));
        minimised.map(|(name, _)| name.clone()).collect()
    }

    /// The groups of parameters that have a learning rate of their own, as the keys of these.
    pub(crate) fn rates(&self) -> Vec<String> {
        let last = self.lines.iter().rev().find(|line| line.contains_key("learning_rate"));
        let keys = last.into_iter().flat_map(Map::keys);
        keys.filter(|key| key.ends_with("learning_rate")).cloned().collect()
    }

    /// What validation said, the weights that the run began with first.
    pub(crate) fn validated(&self) -> Vec<Validated> {
        let both = [self.series("start_pck"), self.series("validation_pck")].concat();
        both.into_iter().map(|[step, pck]| Validated { step: step as u64, pck }).collect()
    }

    /// The best of these, the first of equals.
    pub(crate) fn best(&self) -> Option<Validated> {
        let better =
            |best: Validated, next: Validated| if next.pck > best.pck { next } else { best };
        self.validated().into_iter().reduce(better)
    }

    /// PCK of the same position in both photos.
    pub(crate) fn same_position(&self) -> Option<f64> {
        self.series("same_position_pck").first().map(|[_, pck]| *pck)
    }

    /// How validation scores, in words.
    pub(crate) fn score(&self) -> &str {
        let score = self.lines.iter().find_map(|line| line.get("score")?.as_str());
        score.unwrap_or("PCK")
    }

    /// Optimizer steps done.
    pub(crate) fn steps(&self) -> u64 {
        let step = |line: &Map<String, Value>| line.get("step")?.as_u64();
        self.lines.iter().filter_map(step).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_terms_and_the_best_validation_are_read_from_lines() {
        let history = History::of(
            r#"{"step":0,"start_pck":50.0,"same_position_pck":20.5,"score":"PCK@0.1 (standard)"}
            {"step":10,"loss":2.0,"a":1.0,"b":3.0,"weights":{"a":2.0,"b":0.0},"learning_rate":0.1,"backbone_learning_rate":0.01}
            {"step":12,"mean_loss":1.5,"validation_pck":60.0}
            {"step":20,"loss":1.0,"a":0.5,"weights":{"a":2.0,"b":0.0},"learning_rate":0.1,"backbone_learning_rate":0.01}
            {"step":24,"mean_loss":1.0,"validation_pck":60.0}
            {"step":30,"lo"#,
        );
        assert_eq!(history.series("loss"), [[10.0, 2.0], [20.0, 1.0]]);
        assert_eq!(history.terms(), ["a"]);
        assert_eq!(history.rates(), ["learning_rate", "backbone_learning_rate"]);
        assert_eq!(history.validated().len(), 3);
        assert_eq!(history.best(), Some(Validated { step: 12, pck: 60.0 }));
        assert_eq!((history.same_position(), history.steps()), (Some(20.5), 24));
        assert_eq!(history.score(), "PCK@0.1 (standard)");
    }
}
