//! What is looked through.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::data::Pair;
use crate::eval::protocol::Protocol;
use crate::eval::report::html::photo::Decode;
use crate::eval::report::{PairReport, Report};

/// What is looked through.
#[derive(Clone, Copy)]
pub(crate) struct Browser<'a> {
    /// The pairs, in the order of the reports.
    pub pairs: &'a [Pair],
    /// The systems' reports by their names; all have kept their pairs.
    pub reports: &'a [(String, Report)],
    /// The protocol that errors are told by.
    pub protocol: &'a Protocol,
    /// The alpha that is shown first, as reports write it.
    pub alpha: &'a str,
    /// How photos are read.
    pub decode: Decode<'a>,
}

impl Browser<'_> {
    /// Ensures that every report holds the keypoints of every pair.
    ///
    /// # Errors
    /// When one does not.
    pub(super) fn ensure_complete(&self) -> Result<()> {
        let name = self.protocol.name;
        for (system, report) in self.reports {
            let has_all = |(kept, pair): (&PairReport, &Pair)| {
                let errors = kept.errors.get(&name);
                errors.is_some_and(|errors| errors.len() == pair.target.keypoints.len())
            };
            let kept = report.pairs.as_ref();
            ensure!(
                kept.is_some_and(|kept| kept.iter().zip(self.pairs).all(has_all)),
                "the report of `{system}` does not hold single keypoints under `{name}`: evaluate it again, without \
                 --no-pairs"
            );
        }
        Ok(())
    }

    /// The dataset and its split.
    pub(super) fn title(&self) -> String {
        let dataset = &self.reports[0].1.dataset;
        format!("{} {}", dataset.name, dataset.split)
    }

    /// What a system's report has kept of a pair.
    pub(super) fn kept(&self, system: usize, position: usize) -> Option<&PairReport> {
        self.reports[system].1.pairs.as_ref()?.get(position)
    }

    /// The positions of each category's pairs.
    pub(super) fn categories(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut categories: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (position, pair) in self.pairs.iter().enumerate() {
            categories.entry(&pair.category).or_default().push(position);
        }
        categories
    }
}
