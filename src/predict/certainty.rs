//! Which of several ways to see two photos matches best: by the confidence of the most certain tenth of the source.

use anyhow::Result;

use crate::geometry::Turn;
use crate::inference::FlowNetwork;
use crate::predict::correspondence::Needs;
use crate::predict::pair::{Seen, correspond};
use crate::predict::photo::Photo;
use crate::predict::turning::OTHERS;
use crate::predict::verdict::Verdict;

/// By how much the most certain tenth must be more certain to be far better.
const FAR_BETTER: f64 = 0.15;

/// The source and the turn of the target whose match is the most certain where it is so at all; so many go through
/// the network at once.
///
/// # Errors
/// When the network cannot run.
pub(crate) fn most_certain(
    network: &mut dyn FlowNetwork,
    candidates: &[Seen],
    at_once: usize,
) -> Result<usize> {
    let certainty = certainties(network, candidates, at_once)?;
    // The first of equals.
    let best = (0..certainty.len()).rev().max_by(|a, b| certainty[*a].total_cmp(&certainty[*b]));
    Ok(best.unwrap_or(0))
}

/// The turn by which the target matches far better than as it is, if there is one; `verdict` is on that.
///
/// # Errors
/// When the network cannot run.
pub(crate) fn far_better(
    network: &mut dyn FlowNetwork,
    source: &Photo,
    target: &Photo,
    verdict: Verdict,
) -> Result<Option<Turn>> {
    let seen = OTHERS.map(|turn| Seen { source, target, turn });
    let certainty = certainties(network, &seen, 1)?;
    let best = (0..OTHERS.len()).max_by(|a, b| certainty[*a].total_cmp(&certainty[*b]));
    let is_better = |index: &usize| certainty[*index] >= verdict.best_confidence + FAR_BETTER;
    Ok(best.filter(is_better).map(|index| OTHERS[index]))
}

fn certainties(
    network: &mut dyn FlowNetwork,
    candidates: &[Seen],
    at_once: usize,
) -> Result<Vec<f64>> {
    let mut certainties = Vec::with_capacity(candidates.len());
    for candidates in candidates.chunks(at_once) {
        let pairs = correspond(network, candidates, Needs::Confidence)?;
        let verdicts = pairs.iter().map(Verdict::new);
        certainties
            .extend(verdicts.map(|verdict| verdict.map_or(0.0, |verdict| verdict.best_confidence)));
    }
    Ok(certainties)
}
