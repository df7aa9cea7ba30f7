//! What a reader of a comparison must know beside its numbers.

use crate::eval::compare::change::Change;
use crate::eval::compare::options::{Alphas, CompareOptions};
use crate::eval::compare::rules::transfer_note;
use crate::eval::report::{ProtocolReport, Report};
use crate::spelling::{counted, shortened};
use crate::visible::one_line;

/// Fewer pairs say little about chance.
const FEW_PAIRS: usize = 10;

/// Where predictions came about by different rules.
pub(super) fn rules_differ(shared: &[(&ProtocolReport, &ProtocolReport)]) -> Vec<String> {
    let rules = |(before, after): &(&ProtocolReport, &ProtocolReport)| {
        (before.name, vec![before.transfer, after.transfer])
    };
    let rules: Vec<_> = shared.iter().map(rules).collect();
    transfer_note(&rules, &["the earlier", "the later"]).into_iter().collect()
}

/// What the conditions do not tell, a sentence each.
pub(super) fn doubts(
    before: &Report,
    after: &Report,
    headline: &Change,
    options: &CompareOptions,
) -> Vec<String> {
    let mut doubts = Vec::new();
    if options.significant && after.dataset.pairs < FEW_PAIRS {
        let pairs = counted(after.dataset.pairs, "pair");
        doubts.push(format!("what is beyond chance is told by {pairs} alone, which say little"));
    }
    let alphas = |report: &Report| -> Vec<String> {
        let found = report.protocol(headline.protocol);
        found.into_iter().flat_map(|found| found.overall.keys().cloned()).collect()
    };
    let [earlier, later] = [alphas(before), alphas(after)];
    let lacks = |all: &[String], some: &[String]| -> Vec<String> {
        all.iter().filter(|alpha| !some.contains(alpha)).cloned().collect()
    };
    for (missing, which) in
        [(lacks(&later, &earlier), "earlier"), (lacks(&earlier, &later), "later")]
    {
        if options.alphas == Alphas::All && !missing.is_empty() {
            let missing = shortened(&missing);
            doubts.push(format!("the {which} report has no score at {missing}: not judged there"));
        }
    }
    let [known, scored] = [before, after].map(|report| report.protocol(headline.protocol));
    let is_new =
        |category: &&String| known.is_none_or(|known| !known.categories.contains_key(*category));
    let new: Vec<String> = scored
        .into_iter()
        .flat_map(|scored| scored.categories.keys().filter(is_new))
        .map(|category| format!("`{}`", one_line(category)))
        .collect();
    if options.max_drop_category.is_some() && !new.is_empty() {
        doubts.push(format!(
            "the earlier report has no score of {}: a drop there is not judged",
            shortened(&new)
        ));
    }
    doubts
}

/// What is not the same about the programs and processors that the reports come from.
pub(super) fn origins(before: &Report, after: &Report) -> Option<String> {
    let origin = |report: &Report| {
        let build = report.tool.build.as_ref().map(|build| format!(" ({build:.12})"));
        let processor = report.run.instructions.as_ref().map(|name| format!(" on {name}"));
        format!(
            "lpmflow {}{}{}",
            report.tool.version,
            build.unwrap_or_default(),
            processor.unwrap_or_default()
        )
    };
    let [before, after] = [origin(before), origin(after)];
    (before != after)
        .then(|| format!("the earlier report comes from {before}, the later one from {after}"))
}
