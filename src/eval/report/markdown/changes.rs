//! What changed, as Markdown: the verdict, each condition, each category, and the pairs that flipped.

use std::fmt::Write;

use crate::eval::column::{fall, label};
use crate::eval::compare::{Comparison, Condition, Flip};
use crate::eval::report::markdown::literal::escape;
use crate::spelling::counted;

/// A change that rounds to nothing has no sign.
struct Change(f64, usize);

impl std::fmt::Display for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(points, digits) = *self;
        match points.abs() < 0.5 * 0.1_f64.powi(digits as i32) {
            true => write!(formatter, "{:.digits$}", 0.0),
            false => write!(formatter, "{points:+.digits$}"),
        }
    }
}

/// Everything that a comparison found. Writing to a string cannot fail.
pub(super) fn changes(text: &mut String, comparison: &Comparison) {
    if let Some(failing) = comparison.failing_elsewhere() {
        let _ = writeln!(text, "\n❌ {failing}");
    }
    let sign = match (comparison.headline_regression(), comparison.conditions.is_empty()) {
        (true, _) => "❌ ",
        (false, false) => "✅ ",
        (false, true) => "",
    };
    let _ = writeln!(text, "\n{sign}{}", comparison.verdict());
    conditions(text, &comparison.conditions);
    categories(text, comparison);
    flips(text, comparison);
    if let Some(origins) = &comparison.origins {
        let _ = writeln!(text, "\nOf other origin: {origins}.");
    }
    comparison.notes.iter().for_each(|note| {
        let _ = writeln!(text, "\nNote: {note}.");
    });
}

/// All conditions on all pairs, and those on categories that are not satisfied.
fn conditions(text: &mut String, conditions: &[Condition]) {
    let told: Vec<&Condition> = conditions
        .iter()
        .filter(|condition| condition.failed || condition.category.is_none())
        .collect();
    if told.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n| | condition | before | after | change | |\n|---|---|---:|---:|---:|---|"
    );
    for condition in told {
        let Condition { before, after, failed, .. } = condition;
        let _ = writeln!(
            text,
            "| {} | {} | {before:.2} | {after:.2} | {} | {} |",
            if *failed { "❌" } else { "✅" },
            escape(&condition.name()),
            Change(after - before, 2),
            match condition.judged_interval() {
                Some(interval) => format!("{} ({interval})", condition.limit()),
                None => condition.limit(),
            }
        );
    }
}

fn categories(text: &mut String, comparison: &Comparison) {
    let headline = &comparison.headline;
    if comparison.categories.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nBy category (`{}` {}):\n\n| category | before | after | change |\n|---|---:|---:|---:|",
        headline.protocol,
        label(&headline.alpha)
    );
    for (category, [before, after]) in &comparison.categories {
        let fails =
            comparison.fallen.iter().any(|fall| fall.category == *category && fall.regression);
        let drop = fall(&headline.alpha, after - before);
        let sign = match drop {
            _ if fails => "❌ ",
            drop if drop > 1e-9 => "▼ ",
            drop if drop < -1e-9 => "▲ ",
            _ => "",
        };
        let _ = writeln!(
            text,
            "| {sign}{} | {before:.2} | {after:.2} | {} |",
            escape(category),
            Change(after - before, 2)
        );
    }
}

fn flips(text: &mut String, comparison: &Comparison) {
    let Some(flipped) = &comparison.flipped else { return };
    let (worse, better) = (&flipped.worse, &flipped.better);
    let _ = writeln!(
        text,
        "\n{} got worse, {} got better.",
        counted(worse.count, "pair"),
        counted(better.count, "pair")
    );
    for (title, flips) in [("that got worse", worse), ("that got better", better)] {
        if flips.pairs.is_empty() {
            continue;
        }
        let which = match flips.pairs.len() < flips.count {
            true => format!("The {} pairs {title} most", flips.pairs.len()),
            false => format!("The pairs {title}"),
        };
        let _ = writeln!(
            text,
            "\n<details><summary>{which}</summary>\n\n| pair | category | photos | before | after | change |\n\
             |---:|---|---|---:|---:|---:|"
        );
        for flip in &flips.pairs {
            let Flip { index, source, target, category, before, after, .. } = flip;
            let _ = writeln!(
                text,
                "| {index} | {} | {} → {} | {before:.1} | {after:.1} | {} |",
                escape(category),
                escape(source),
                escape(target),
                Change(after - before, 1)
            );
        }
        let _ = writeln!(text, "\n</details>");
    }
}
