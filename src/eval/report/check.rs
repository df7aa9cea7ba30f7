//! Whether a report that someone else wrote holds every number that its readers look up.

use anyhow::{Result, ensure};

use crate::eval::column::{is_alpha, label};
use crate::eval::report::{ProtocolReport, Report};
use crate::eval::summary::{Group, PckByAlpha};

impl Report {
    /// Ensures that the report is complete in itself: the headline is among the scores, and every table has
    /// every alpha.
    ///
    /// # Errors
    /// When something is missing; the error names it.
    pub(super) fn check(&self) -> Result<()> {
        let headline = &self.headline;
        let scores = self.protocol(headline.protocol);
        ensure!(
            scores.is_some_and(|scores| scores.overall.contains_key(&headline.alpha)),
            "it is incomplete: the headline is {} under `{}`, and that is not among its scores",
            label(&headline.alpha),
            headline.protocol
        );
        let alphas = &self.protocols[0].overall;
        self.protocols.iter().try_for_each(|protocol| check_protocol(protocol, alphas))?;
        for pair in self.pairs.iter().flatten() {
            for (protocol, pck) in &pair.pck {
                ensure_alphas(pck, alphas, &format!("pair {} under `{protocol}`", pair.index))?;
            }
        }
        Ok(())
    }
}

fn check_protocol(protocol: &ProtocolReport, alphas: &PckByAlpha) -> Result<()> {
    let name = protocol.name;
    ensure_alphas(&protocol.overall, alphas, &format!("`{name}`"))?;
    for alpha in alphas.keys() {
        ensure!(
            protocol.interval95.contains_key(alpha),
            "it is incomplete: `{name}` has no 95 % interval at alpha {alpha}"
        );
    }
    let groups = |kind: &str, groups: &indexmap::IndexMap<String, Group>| {
        groups.iter().try_for_each(|(group, scores)| {
            ensure_alphas(&scores.pck, alphas, &format!("the {kind} `{group}` under `{name}`"))
        })
    };
    groups("category", &protocol.categories)?;
    protocol.difficulty.iter().try_for_each(|(kind, grades)| groups(kind, grades))
}

fn ensure_alphas(pck: &PckByAlpha, alphas: &PckByAlpha, what: &str) -> Result<()> {
    // What a measure of areas is not defined for is left out.
    for alpha in alphas.keys().filter(|alpha| is_alpha(alpha)) {
        ensure!(pck.contains_key(alpha), "it is incomplete: {what} has no PCK at alpha {alpha}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::report;

    #[test]
    fn a_report_of_our_own_is_complete() {
        report(&[4, 3, 2]).check().unwrap();
    }

    #[test]
    fn what_a_report_of_others_lacks_is_named() {
        let refusal = |change: &dyn Fn(&mut Report)| {
            let mut report = report(&[4, 3]);
            change(&mut report);
            report.check().unwrap_err().to_string()
        };
        let empty = refusal(&|report| report.protocols.clear());
        assert!(empty.contains("the headline is PCK@0.1 under `standard`"), "{empty}");
        let alpha = refusal(&|report| report.headline.alpha = "0.3".to_owned());
        assert!(alpha.contains("PCK@0.3"), "{alpha}");
        let interval = refusal(&|report| {
            report.protocols[0].interval95.shift_remove("0.1");
        });
        assert!(interval.contains("no 95 % interval at alpha 0.1"), "{interval}");
        let category = refusal(&|report| {
            report.protocols[0].categories["cat"].pck.shift_remove("0.05");
        });
        assert!(category.contains("the category `cat` under `standard` has no PCK"), "{category}");
    }
}
