//! How sure a change is: draws of the pairs that both reports scored.

use anyhow::{Result, ensure};

use crate::eval::bootstrap::resampled_pck;
use crate::eval::compare::change::Change;
use crate::eval::pck::Tally;
use crate::eval::protocol::rules::Average;
use crate::eval::report::{PairReport, Report};

/// Each change in every draw of the pairs that both reports share.
///
/// # Errors
/// When the reports' pairs or their scores differ in more than their values.
pub(super) fn paired_differences(
    before: &[PairReport],
    after: &[PairReport],
    changes: &[Change],
    averages: &[Average],
) -> Result<Vec<Vec<f64>>> {
    let indices = |pairs: &[PairReport]| pairs.iter().map(|pair| pair.index).collect::<Vec<_>>();
    ensure!(indices(before) == indices(after), "their lists of pairs differ");
    let samples = |pair: &PairReport| -> Result<Vec<Tally>> {
        let sample = |(change, average): (&Change, &Average)| {
            pair.sample(change.protocol, &change.alpha, *average)
        };
        changes.iter().zip(averages).map(sample).collect()
    };
    let row = |(before, after): (&PairReport, &PairReport)| {
        Ok([samples(before)?, samples(after)?].concat())
    };
    let rows = before.iter().zip(after).map(row).collect::<Result<Vec<_>>>()?;
    let resampled = resampled_pck(&rows);
    let differences = |column: usize| {
        let difference = |pck: &Vec<f64>| pck[changes.len() + column] - pck[column];
        resampled.iter().map(difference).collect()
    };
    Ok((0..changes.len()).map(differences).collect())
}

/// Ensures that a report holds what significance is told by.
///
/// # Errors
/// When it does not.
pub(super) fn holds_pairs(report: &Report, which: &str) -> Result<()> {
    ensure!(
        report.pairs.is_some(),
        "whether a drop is significant is told by the scores of single pairs, which {which} does not hold: write it \
         again without --no-pairs"
    );
    Ok(())
}
