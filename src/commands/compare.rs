//! `lpmflow compare`: two reports side by side.

use anyhow::Result;

use crate::cli::compare::CompareArguments;
use crate::commands::Outcome;
use crate::eval::compare::{CompareOptions, Comparison, compare};
use crate::eval::report::Report;
use crate::eval::summary::alpha_key;
use crate::terminal::Terminal;

/// Runs the command.
///
/// # Errors
/// When a report cannot be read, or the two do not measure the same thing.
pub(super) fn run(arguments: &CompareArguments, terminal: &Terminal) -> Result<Outcome> {
    let (before, after) = (Report::read(&arguments.before)?, Report::read(&arguments.after)?);
    let options = CompareOptions {
        protocol: arguments.protocol,
        alpha: arguments.alpha.map(alpha_key),
        max_drop: arguments.max_drop,
        max_drop_category: arguments.max_drop_category,
    };
    let comparison = compare(&before, &after, &options)?;
    if arguments.json {
        terminal.json(&comparison)?;
    } else {
        terminal.show_comparison(&comparison);
    }
    conclude(&comparison, terminal);
    Ok(outcome(&comparison))
}

/// What must not be overlooked, on stderr.
pub(super) fn conclude(comparison: &Comparison, terminal: &Terminal) {
    comparison.notes.iter().for_each(|note| terminal.warn(note));
    if comparison.headline_regression() {
        terminal.warn(&comparison.verdict());
    }
    if let Some(categories) = comparison.category_verdict().filter(|_| comparison.regression) {
        terminal.warn(&categories);
    }
}

/// How a command ends that made this comparison.
pub(super) fn outcome(comparison: &Comparison) -> Outcome {
    if comparison.regression { Outcome::Regression } else { Outcome::Done }
}
