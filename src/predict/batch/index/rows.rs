//! What the page says of each pair.

use std::cmp::Ordering;

use crate::predict::verdict::Verdict;

/// What a batch came to.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// What the folder is called.
    pub title: String,
    /// The pairs that were done.
    pub matched: Vec<Row>,
    /// Those that were not.
    pub failed: Vec<Failure>,
    /// Entries that the run did not come to.
    pub missing: usize,
}

/// A pair that was done, now or by an earlier run.
#[derive(Debug)]
pub(super) struct Row {
    /// The pair's name.
    pub name: String,
    /// Source and target.
    pub photos: [Shot; 2],
    /// The page to point at, from the folder on.
    pub view: String,
    /// The other files, likewise.
    pub files: Vec<String>,
    /// How well the photos match.
    pub verdict: Option<Verdict>,
}

/// A photo on the page.
#[derive(Debug)]
pub(super) struct Shot {
    /// Its file's name.
    pub name: String,
    /// The number of its picture; none where it could not be read.
    pub picture: Option<usize>,
}

/// A pair that was not done.
#[derive(Debug)]
pub(super) struct Failure {
    /// The pair's name, or its line in the list.
    pub name: String,
    /// Why, as one chain.
    pub why: String,
}

impl Rows {
    /// Puts the pairs that match best first: by how sure the best of the matches are, then by how much matches.
    pub(super) fn sort(&mut self) {
        let rank =
            |row: &Row| row.verdict.map(|verdict| (verdict.best_confidence, verdict.likely_area));
        self.matched.sort_by(|a, b| rank(b).partial_cmp(&rank(a)).unwrap_or(Ordering::Equal));
    }

    /// Whether there is nothing to say.
    pub(super) fn is_empty(&self) -> bool {
        self.matched.is_empty() && self.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_without_a_verdict_come_last_and_equal_ones_keep_their_order() {
        let row = |name: &str, verdict: Option<(f64, f64)>| Row {
            name: name.to_owned(),
            photos: [0, 1].map(|_| Shot { name: String::new(), picture: None }),
            view: String::new(),
            files: Vec::new(),
            verdict: verdict.map(|(best_confidence, likely_area)| Verdict {
                best_confidence,
                hardly_matches: false,
                likely_area,
            }),
        };
        let matched = vec![
            row("none", None),
            row("low", Some((0.3, 0.9))),
            row("high", Some((0.9, 0.1))),
            row("higher", Some((0.9, 0.2))),
            row("low-2", Some((0.3, 0.9))),
        ];
        let mut rows = Rows { matched, ..Rows::default() };
        rows.sort();
        let names: Vec<&str> = rows.matched.iter().map(|row| &*row.name).collect();
        assert_eq!(names, ["higher", "high", "low", "low-2", "none"]);
    }
}
