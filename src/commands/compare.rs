//! `lpmflow compare`: two reports side by side, or several.

use std::path::Path;

use anyhow::Result;

use crate::cli::compare::CompareArguments;
use crate::cli::gate::{FailIf, GateArguments};
use crate::commands::{Outcome, leaderboard};
use crate::eval::compare::{CompareOptions, Comparison, compare};
use crate::eval::report::Report;
use crate::eval::summary::alpha_key;
use crate::failure::{Blame, Fault};
use crate::terminal::{Annotation, Terminal, annotate};

/// Runs the command.
///
/// # Errors
/// When a report cannot be read, or the two do not measure the same thing.
pub(super) fn run(arguments: &CompareArguments, terminal: &Terminal) -> Result<Outcome> {
    let options = CompareOptions {
        protocol: arguments.protocol,
        alpha: arguments.alpha.map(alpha_key),
        ..options(&arguments.gate)
    };
    leaderboard::check(arguments, terminal)?;
    if !arguments.further.is_empty() {
        return leaderboard::run(arguments, &options, terminal);
    }
    of_two(arguments, &options, terminal)
}

fn of_two(
    arguments: &CompareArguments,
    options: &CompareOptions,
    terminal: &Terminal,
) -> Result<Outcome> {
    let compared = || {
        let before = Report::read(&arguments.before).blame(Fault::Baseline)?;
        let after = Report::read(&arguments.after).blame(Fault::Data)?;
        let comparison = compare(&before, &after, options)?;
        Ok((before, after, comparison))
    };
    let compared = compared().inspect_err(|error| leaderboard::tell(arguments, error));
    let (before, after, comparison) = compared?;
    if arguments.json {
        terminal.json(&comparison)?;
    } else {
        terminal.show_comparison(&comparison);
    }
    conclude(&comparison, &arguments.before, terminal);
    leaderboard::of_two(arguments, [before, after], &comparison, options, terminal)?;
    Ok(outcome(&comparison))
}

/// The conditions that flags name, judged by the earlier report's headline.
pub(super) fn options(gate: &GateArguments) -> CompareOptions {
    CompareOptions {
        protocol: None,
        alpha: None,
        max_drop: gate.max_drop,
        max_drop_category: gate.max_drop_category,
        significant: gate.fail_if == Some(FailIf::Significant),
        alphas: gate.judged(),
    }
}

/// What must not be overlooked, on stderr.
pub(super) fn conclude(comparison: &Comparison, baseline: &Path, terminal: &Terminal) {
    comparison.origins.iter().for_each(|origins| terminal.log(origins));
    comparison.notes.iter().for_each(|note| terminal.warn(note));
    if comparison.headline_regression() {
        terminal.warn(&comparison.verdict());
    }
    if let Some(categories) = comparison.category_verdict().filter(|_| comparison.regression) {
        terminal.warn(&categories);
    }
    for condition in comparison.other_regressions() {
        terminal.warn(&format!("regression: {}", condition.finding()));
    }
    for condition in comparison.regressions() {
        let message = &condition.finding();
        annotate(&Annotation { title: "accuracy fell", file: Some(baseline), message });
    }
}

/// How a command ends that made this comparison.
pub(super) fn outcome(comparison: &Comparison) -> Outcome {
    if comparison.regression { Outcome::Regression } else { Outcome::Done }
}
