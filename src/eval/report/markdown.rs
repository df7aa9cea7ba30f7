//! The report as Markdown, for pull requests and job summaries.

mod changes;
mod literal;

use std::fmt::Write;

use anyhow::{Error, Result};
use indexmap::IndexMap;

use crate::eval::column::label;
use crate::eval::compare::Comparison;
use crate::eval::report::{ModelReport, ProtocolReport, Report, words};
use crate::eval::summary::{Group, PckByAlpha};
use crate::failure::{Fault, fault};
use crate::spelling::counted;
use crate::visible::{one_line, visible};
pub(crate) use literal::escape;

/// The report, and what became of the comparison with an earlier one, if that was wanted, and which results are
/// `missing`.
pub(crate) fn markdown(
    report: &Report,
    compared: Option<&Result<Comparison>>,
    missing: Option<&Error>,
) -> String {
    let mut text = String::new();
    let (dataset, headline) = (&report.dataset, &report.headline);
    let [low, high] = report.protocols[0].interval95[&headline.alpha];
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "## {} {}: {} {:.1} %\n\n{} under `{}`, {}, 95 % interval {low:.1} to {high:.1}.{}",
        dataset.name,
        dataset.split,
        label(&headline.alpha),
        headline.pck,
        code(&model_name(&report.model)),
        headline.protocol,
        counted(dataset.pairs, "pair"),
        left_out(report)
    );
    for note in &report.notes {
        let _ = writeln!(text, "\n⚠️ {}.", note.replace(['\n', '\r'], " "));
    }
    if let Some(error) = missing {
        let _ = writeln!(text, "\n{}", trouble("results are missing", error));
    }
    match compared {
        Some(Ok(comparison)) => changes::changes(&mut text, comparison),
        Some(Err(error)) => _ = writeln!(text, "\n{}", trouble("not compared", error)),
        None => {}
    }
    overall(&mut text, report);
    further(&mut text, report);
    for protocol in &report.protocols {
        details(&mut text, protocol);
    }
    parts(&mut text, report);
    let run = &report.run;
    let _ = writeln!(
        text,
        "\nFingerprint of the scored pairs: `{:.16}`. {} {}, {:.1} s, {:.1} pairs/s.",
        dataset.fingerprint,
        report.tool.name,
        report.tool.version,
        run.seconds,
        run.pairs_per_second
    );
    visible(&text).into_owned()
}

/// A comparison by itself.
pub(crate) fn comparison(comparison: &Comparison) -> String {
    let mut text = String::new();
    changes::changes(&mut text, comparison);
    text
}

/// Whether a text may be such a file: it begins with a headline of this rank.
pub(crate) fn is_one(text: &str) -> bool {
    text.starts_with("## ")
}

/// What kept an evaluation on a dataset from its report.
pub(crate) fn failure(dataset: &str, error: &Error) -> String {
    let text = format!("## {}: no result\n\n{}\n", one_line(dataset), trouble("failed", error));
    visible(&text).into_owned()
}

/// An error as a sentence and a block of text.
fn trouble(what: &str, error: &Error) -> String {
    let what = match fault(error) {
        Some(Fault::Data) => "the data cannot be used",
        Some(Fault::Baseline) => "the baseline cannot be used",
        None => what,
    };
    let lines: String = format!("{error:#}").lines().map(|line| format!("    {line}\n")).collect();
    format!("❌ {what}:\n\n{lines}")
}

/// What was evaluated, for headlines.
pub(crate) fn model_name(model: &ModelReport) -> String {
    match &model.sha256 {
        Some(digest) => format!("{} ({digest:.8})", model.weights),
        None => model.weights.clone(),
    }
}

/// A sentence about pairs that were selected but not scored; empty if there are none.
pub(crate) fn left_out(report: &Report) -> String {
    let mut text = String::new();
    let dataset = &report.dataset;
    if dataset.missing > 0 {
        let pairs = counted(dataset.missing, "pair");
        let _ = write!(text, " Without a prediction and not counted: {pairs}.");
    }
    if dataset.skipped > 0 {
        let skipped = dataset.skipped;
        let _ = write!(text, " Unusable pairs, not counted: {skipped}.");
    }
    text
}

fn overall(text: &mut String, report: &Report) {
    let alphas = &report.protocols[0].overall;
    let heads: String = alphas.keys().map(|alpha| format!(" {} |", label(alpha))).collect();
    let _ = writeln!(text, "\n| protocol |{heads}\n|---|{}", "---:|".repeat(alphas.len()));
    for protocol in &report.protocols {
        let cell = |(alpha, pck): (&String, &f64)| {
            let [low, high] = protocol.interval95[alpha];
            format!(" **{pck:.1}** ({low:.1} to {high:.1}) |")
        };
        let cells: String = protocol.overall.iter().map(cell).collect();
        let _ = writeln!(text, "| `{}` |{cells}", protocol.name);
    }
}

/// Sentences on errors, exchanges and confidence, and a table of the errors under each protocol.
fn further(text: &mut String, report: &Report) {
    for sentence in words::details(report) {
        let _ = writeln!(text, "\n{}.", sentence.replace("`", ""));
    }
    let alpha = &report.headline.alpha;
    let rows: Vec<_> = report
        .protocols
        .iter()
        .filter_map(|protocol| Some((protocol.name, words::error_cells(protocol, alpha)?)))
        .collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n| errors, in pixels of the frame and in units of the length | {} |\n|---|{}",
        words::ERROR_HEADS.join(" | "),
        "---:|".repeat(words::ERROR_HEADS.len())
    );
    for (name, cells) in rows {
        let _ = writeln!(text, "| `{name}` | {} |", cells.join(" | "));
    }
}

/// PCK of each part of each category.
fn parts(text: &mut String, report: &Report) {
    if report.parts.is_empty() {
        return;
    }
    let protocol = report.headline.protocol;
    let _ = writeln!(
        text,
        "\n<details><summary>Keypoints by part, <code>{protocol}</code></summary>\n"
    );
    for (number, (category, parts)) in report.parts.iter().enumerate() {
        let alphas = &report.protocols[0].overall;
        let heads: String = alphas.keys().map(|alpha| format!(" {} |", label(alpha))).collect();
        let space = if number == 0 { "" } else { "\n" };
        let rule = "---:|".repeat(alphas.len() + 1);
        let _ = writeln!(text, "{space}| {} | keypoints |{heads}\n|---|{rule}", escape(category));
        for (part, scores) in parts {
            let cells: String = scores.pck.values().map(|pck| format!(" {pck:.1} |")).collect();
            let _ = writeln!(text, "| {} | {} |{cells}", escape(part), scores.keypoints);
        }
    }
    let _ = writeln!(text, "\n</details>");
}

fn details(text: &mut String, protocol: &ProtocolReport) {
    let name = protocol.name;
    let _ = writeln!(text, "\n<details><summary><code>{name}</code> in detail</summary>\n");
    let _ = writeln!(text, "{}\n", protocol.description);
    groups(text, "category", &protocol.categories, &protocol.overall);
    for (kind, grades) in &protocol.difficulty {
        let _ = writeln!(text);
        groups(text, kind, grades, &protocol.overall);
    }
    let _ = writeln!(text, "\n</details>");
}

fn groups(text: &mut String, kind: &str, groups: &IndexMap<String, Group>, overall: &PckByAlpha) {
    if groups.is_empty() {
        return;
    }
    let heads: String = overall.keys().map(|alpha| format!(" {} |", label(alpha))).collect();
    let rule = "---:|".repeat(overall.len() + 1);
    let _ = writeln!(text, "| {kind} | pairs |{heads}\n|---|{rule}");
    for (name, group) in groups {
        let cell = |alpha: &String| match group.pck.get(alpha) {
            Some(pck) => format!(" {pck:.1} |"),
            None => " |".to_owned(),
        };
        let cells: String = overall.keys().map(cell).collect();
        let _ = writeln!(text, "| {} | {} |{cells}", escape(name), group.pairs);
    }
}

/// Inline code; a backtick in the text would end it.
fn code(text: &str) -> String {
    format!("`{}`", one_line(text).replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::compare::{CompareOptions, compare};
    use crate::eval::testing::report;
    use crate::failure::Blame;

    #[test]
    fn headline_tables_and_verdict_are_there() {
        let (before, after) = (report(&[4, 3]), report(&[4, 1]));
        let options = CompareOptions { max_drop: Some(1.0), ..CompareOptions::default() };
        let text = markdown(&after, Some(&compare(&before, &after, &options)), None);
        for expected in [
            "## toy test: PCK@0.1 62.5 %\n",
            "`identity` under `standard`, 2 pairs, 95 % interval 25.0 to 100.0.\n",
            "❌ regression: `standard` PCK@0.1 87.50 -> 62.50",
            "| ❌ | max-drop PCK@0.1 | 87.50 | 62.50 | -25.00 | a drop of 1 is allowed |\n",
            "| category | before | after | change |\n|---|---:|---:|---:|\n\
             | cat | 100.00 | 100.00 | 0.00 |\n| ▼ dog \\<\\&\"\\> | 75.00 | 25.00 | -50.00 |\n",
            "1 pair got worse, 0 pairs got better",
            "| 1 | dog \\<\\&\"\\> | dog/source.jpg → dog/target.jpg | 75.0 | 25.0 | -50.0 |\n",
            "| `standard` | **62.5** (25.0 to 100.0) | **62.5** (25.0 to 100.0) |\n",
            "| category | pairs | PCK@0.05 | PCK@0.1 |\n|---|---:|---:|---:|\n| cat | 1 | 100.0 | 100.0 |\n",
            "| dog \\<\\&\"\\> | 1 | 25.0 | 25.0 |\n",
        ] {
            assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
        }
    }

    #[test]
    fn what_kept_from_a_result_is_told() {
        let error = || anyhow::anyhow!("no folder `a`\nline 2").context("loading");
        let marked = Err(error()).blame(Fault::Baseline);
        let text = markdown(&report(&[4]), Some(&marked), None);
        let expected =
            "❌ the baseline cannot be used:\n\n    loading: no folder `a`\n    line 2\n";
        assert!(text.contains(expected) && text.contains("| protocol |"), "{text}");
        let text = failure("toy", &error());
        assert!(text.starts_with("## toy: no result\n\n❌ failed:\n\n    loading: no"), "{text}");
    }

    #[test]
    fn left_out_pairs_are_mentioned() {
        let mut report = report(&[4]);
        report.dataset.missing = 7;
        assert!(
            markdown(&report, None, None)
                .contains("Without a prediction and not counted: 7 pairs.")
        );
    }
}
