//! `lpmflow predict`: flags become a plan, the engine runs it, the terminal shows what came of it.

mod flags;
mod many;
mod one;
mod shards;

use std::path::Path;

use anyhow::Result;

use crate::cli::predict::{ListArguments, PredictArguments};
use crate::commands::{Outcome, usage_error};
use crate::predict::pair_list::targets::is_pattern;
use crate::terminal::Terminal;

/// Runs the command.
///
/// # Errors
/// Whatever kept it from its result.
pub(super) fn run(arguments: &PredictArguments, terminal: &Terminal) -> Result<Outcome> {
    let ListArguments { pairs, frames, output_dir, best_source, .. } = &arguments.list;
    if let Some(list) = pairs {
        return many::run_list(arguments, list, terminal);
    }
    if let Some(frames) = frames {
        return many::run_frames(arguments, frames, terminal);
    }
    match (&arguments.source, arguments.target.as_slice()) {
        (Some(source), [target])
            if output_dir.is_none()
                && !best_source
                && !names_many(source)
                && !names_many(target) =>
        {
            one::run(arguments, [source, target], terminal)
        }
        (Some(source), targets) => many::run_targets(arguments, source, targets, terminal),
        _ => Err(usage_error("predict", "give SOURCE and TARGET, or --pairs LIST")),
    }
}

/// Whether an argument stands for several photos.
fn names_many(argument: &Path) -> bool {
    argument.is_dir() || argument.to_str().is_some_and(is_pattern) && !argument.exists()
}
