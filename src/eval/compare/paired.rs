//! How sure a change is: draws of the pairs that both reports scored.

use anyhow::{Context, Result, ensure};

use crate::eval::bootstrap::resampled_pck;
use crate::eval::column::is_alpha;
use crate::eval::compare::change::Change;
use crate::eval::pck::Tally;
use crate::eval::protocol::rules::Average;
use crate::eval::report::PairReport;

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
            let pck = pair.pck.get(&change.protocol).and_then(|pck| pck.get(&change.alpha));
            if !is_alpha(&change.alpha) {
                // What is not defined for a pair has no part in the mean.
                let whole = |percent: &f64| Tally { right: percent / 100.0, weight: 1.0 };
                return Ok(pck.map_or_else(Tally::default, whole));
            }
            let pck = pck.with_context(|| {
                let Change { protocol, alpha, .. } = change;
                format!("pair {} has no score under `{protocol}` at {alpha}", pair.index)
            })?;
            let correct = (pck * pair.keypoints as f64 / 100.0).round() as usize;
            Ok(average.sample(correct, pair.keypoints))
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
