//! Which matches count.

use crate::predict::confidence::MIN_CONFIDENCE;

/// Which matches count, as far as the user said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// The confidence below which a match counts for none.
    pub min_confidence: Option<f64>,
    /// How many matches a list holds at most.
    pub most_matches: Option<usize>,
    /// Whether what is carried across takes every match, however uncertain.
    pub fill: bool,
}

impl Limits {
    /// The confidence from which a match counts, for outputs that always leave the others out.
    pub(crate) fn threshold(self) -> f64 {
        self.min_confidence.unwrap_or(MIN_CONFIDENCE)
    }

    /// The confidence from which a match carries something across.
    pub(crate) fn carried(self) -> f64 {
        if self.fill { 0.0 } else { self.threshold() }
    }
}
