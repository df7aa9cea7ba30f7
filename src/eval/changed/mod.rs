//! What changed from one report to another: keypoints and pairs that were gained and lost.

pub(crate) mod html;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use indexmap::IndexMap;

use crate::eval::protocol::name::ProtocolName;
use crate::eval::report::{PairReport, Report};
use crate::spelling::counted;

/// Keypoints by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Wrong before and right after.
    pub gained: usize,
    /// Right before and wrong after.
    pub lost: usize,
    /// All of them.
    pub all: usize,
}

impl Counts {
    /// How many more are right.
    pub(crate) fn net(&self) -> i64 {
        self.gained as i64 - self.lost as i64
    }

    fn add(&mut self, [before, after]: [bool; 2]) {
        self.gained += usize::from(after && !before);
        self.lost += usize::from(before && !after);
        self.all += 1;
    }
}

/// What became of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PairChange {
    /// Its position in both reports' lists.
    pub position: usize,
    /// Its keypoints.
    pub counts: Counts,
}

/// What changed under one protocol at one alpha.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Changed {
    /// The protocol.
    pub protocol: ProtocolName,
    /// The alpha.
    pub alpha: f64,
    /// All keypoints.
    pub keypoints: Counts,
    /// Pairs with more keypoints gained than lost.
    pub better: usize,
    /// Pairs with more keypoints lost than gained.
    pub worse: usize,
    /// Keypoints by category.
    pub categories: BTreeMap<String, Counts>,
    /// Keypoints by category and part that changed, the largest loss first; none where parts are not known.
    pub parts: Vec<(String, Counts)>,
    /// The pairs that changed, in the dataset's order.
    pub pairs: Vec<PairChange>,
}

impl Changed {
    /// Compares the report `after` with the earlier report `before`, which are about the same pairs.
    ///
    /// # Errors
    /// When one of them does not hold its pairs' keypoints.
    pub(crate) fn new(
        before: &Report,
        after: &Report,
        protocol: ProtocolName,
        alpha: f64,
    ) -> Result<Self> {
        let [before, after] = [before, after].map(|report| report.pairs.as_deref());
        let pairs = before.zip(after).context(
            "what changed is told by the keypoints of single pairs: write both reports without --no-pairs",
        )?;
        ensure!(pairs.0.len() == pairs.1.len(), "their lists of pairs differ");
        let mut changed = Self {
            protocol,
            alpha,
            keypoints: Counts::default(),
            better: 0,
            worse: 0,
            categories: BTreeMap::new(),
            parts: Vec::new(),
            pairs: Vec::new(),
        };
        let mut parts: IndexMap<String, Counts> = IndexMap::new();
        for (position, (before, after)) in pairs.0.iter().zip(pairs.1).enumerate() {
            ensure!(before.index == after.index, "their lists of pairs differ");
            let rights = [right(before, protocol, alpha)?, right(after, protocol, alpha)?];
            ensure!(
                rights[0].len() == rights[1].len(),
                "pair {} differs in its keypoints",
                after.index
            );
            let mut counts = Counts::default();
            for (keypoint, both) in rights[0].iter().zip(&rights[1]).enumerate() {
                let both = [*both.0, *both.1];
                counts.add(both);
                changed.keypoints.add(both);
                changed.categories.entry(after.category.clone()).or_default().add(both);
                if let Some(part) = after.parts.get(keypoint) {
                    parts.entry(format!("{}: {part}", after.category)).or_default().add(both);
                }
            }
            changed.better += usize::from(counts.net() > 0);
            changed.worse += usize::from(counts.net() < 0);
            if counts.gained + counts.lost > 0 {
                changed.pairs.push(PairChange { position, counts });
            }
        }
        changed.parts =
            parts.into_iter().filter(|(_, counts)| counts.gained + counts.lost > 0).collect();
        changed.parts.sort_by_key(|(_, counts)| counts.net());
        Ok(changed)
    }

    /// The pairs of which most was lost, at most `count`; or gained.
    pub(crate) fn largest(&self, lost: bool, count: usize) -> Vec<&PairChange> {
        let sign = if lost { 1 } else { -1 };
        let mut pairs: Vec<&PairChange> =
            self.pairs.iter().filter(|pair| sign * pair.counts.net() < 0).collect();
        pairs.sort_by_key(|pair| sign * pair.counts.net());
        pairs.truncate(count);
        pairs
    }

    /// All of it in a sentence.
    pub(crate) fn in_words(&self) -> String {
        let Counts { gained, lost, all } = self.keypoints;
        format!(
            "of {all} keypoints {gained} are gained and {lost} lost; {} are better and {} worse",
            counted(self.better, "pair"),
            self.worse
        )
    }
}

/// Which of a pair's keypoints are right.
fn right(pair: &PairReport, protocol: ProtocolName, alpha: f64) -> Result<Vec<bool>> {
    let errors = pair.errors.get(&protocol).with_context(|| {
        format!(
            "pair {} has no errors of single keypoints under `{protocol}`: reports of this version hold them, of what is \
             measured by keypoints",
            pair.index
        )
    })?;
    Ok(errors.iter().map(|error| error.is_some_and(|error| error <= alpha)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::report;

    fn changed(before: &[usize], after: &[usize]) -> Changed {
        Changed::new(&report(before), &report(after), "standard".parse().unwrap(), 0.1).unwrap()
    }

    #[test]
    fn keypoints_gained_and_lost_are_counted_by_pair_and_category() {
        let changed = changed(&[4, 0, 2, 1], &[3, 2, 2, 4]);
        assert_eq!(changed.keypoints, Counts { gained: 5, lost: 1, all: 16 });
        assert_eq!((changed.better, changed.worse), (2, 1));
        assert_eq!(changed.categories["cat"], Counts { gained: 0, lost: 1, all: 8 });
        let positions =
            |pairs: Vec<&PairChange>| pairs.iter().map(|pair| pair.position).collect::<Vec<_>>();
        assert_eq!(positions(changed.largest(false, 9)), [3, 1]);
        assert_eq!(positions(changed.largest(true, 9)), [0]);
        assert!(changed.in_words().starts_with("of 16 keypoints 5 are gained and 1 lost; 2 pairs"));
    }

    #[test]
    fn reports_without_keypoints_say_so() {
        let bare = Report { pairs: None, ..report(&[1]) };
        let name = "standard".parse().unwrap();
        let error = Changed::new(&bare, &report(&[1]), name, 0.1).unwrap_err().to_string();
        assert!(error.contains("--no-pairs"), "{error}");
        let error = Changed::new(&report(&[1]), &report(&[1]), "paper".parse().unwrap(), 0.1);
        assert!(error.unwrap_err().to_string().contains("under `paper`"));
    }
}
