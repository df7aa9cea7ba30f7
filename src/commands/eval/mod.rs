//! `lpmflow eval`: flags become a task, pairs become predictions, predictions become a report.

mod against;
mod failed;
mod outputs;
mod predicted;
#[cfg(test)]
mod toy_protocol;
mod views;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::cli::eval::EvalArguments;
use crate::commands::compare::{conclude, outcome};
use crate::commands::interrupt::leave_on_interrupt;
use crate::commands::processes::{self, Processes, Sharing};
use crate::commands::usage::entry_of;
use crate::commands::{Outcome, engine, usage_error};
use crate::data::catalog::Catalog;
use crate::data::truth::TruthKind;
use crate::eval::report::html::Views;
use crate::eval::report::{Circumstances, Report, RunReport};
use crate::eval::summary::score;
use crate::eval::task::{Task, Wanted};
use crate::failure::{Blame, Fault};
use crate::output::Attempts;
use crate::processes::place::speaks;
use crate::terminal::Terminal;
use crate::visible::Shown;
use against::Against;
use failed::FailureOutputs;
use outputs::Outputs;
use predicted::Predicted;
use views::views;

/// Runs the command.
///
/// # Errors
/// Whatever kept it from its results.
pub(super) fn run(arguments: &EvalArguments, terminal: &Terminal) -> Result<Outcome> {
    let failed = FailureOutputs::new(arguments, named_inputs(arguments));
    if !speaks() {
        return share(arguments, &failed, terminal);
    }
    failed.begin();
    share(arguments, &failed, terminal).inspect_err(|error| {
        for path in failed.write(error) {
            terminal.log(&format!("wrote the error to `{}`", path.shown()));
        }
    })
}

fn share(
    arguments: &EvalArguments,
    failed: &FailureOutputs,
    terminal: &Terminal,
) -> Result<Outcome> {
    if arguments.outputs.baseline.is_none() && !arguments.gate.is_empty() {
        return Err(usage_error(
            "eval",
            "conditions need something to compare with: --baseline REPORT",
        ));
    }
    if let Some(mistake) = arguments.gate.mistake() {
        return Err(usage_error("eval", mistake));
    }
    let lost = failed.clone();
    let sharing = Sharing {
        command: "eval",
        count: of_use(arguments, terminal),
        on_lost: Arc::new(move |error| drop(lost.write(error))),
    };
    processes::run(sharing, terminal, |processes, terminal| {
        leave_on_interrupt()?;
        evaluate(arguments, failed, processes, terminal)
    })
}

/// How many of the processes that the user wants have something to do.
fn of_use(arguments: &EvalArguments, terminal: &Terminal) -> Option<NonZeroUsize> {
    let (wanted, limit) = (arguments.running.processes?, arguments.selection.limit);
    let of_use = limit.map_or(wanted, |limit| wanted.min(limit));
    if of_use < wanted {
        terminal.log(&format!("--limit {of_use}: of {wanted} processes {of_use} are started"));
    }
    Some(of_use)
}

fn evaluate(
    arguments: &EvalArguments,
    failed: &FailureOutputs,
    processes: &Processes,
    terminal: &Terminal,
) -> Result<Outcome> {
    if !processes.is_first() {
        // What the others find goes to the first, which says everything.
        if arguments.instead.is_none() {
            Predicted::new(arguments, &prepare(arguments, terminal)?.task, processes, terminal)?;
        }
        return Ok(Outcome::Done);
    }
    let outputs = Outputs::new(arguments, &named_inputs(arguments), failed, terminal)?;
    let Prepared { against, mut task, inputs } = prepare(arguments, terminal)?;
    outputs.ensure_apart(&inputs, task.root())?;
    let start = Instant::now();
    let mut predicted = Predicted::new(arguments, &task, processes, terminal)?;
    task.leave_out(predicted.unusable);
    task.keep_predicted(&predicted.predictions, predicted.model.kind);
    let mut network = predicted.network.take();
    let protocols = &predicted.protocols;
    let scores = score(&task.pairs, &predicted.predictions, protocols, &task.alphas);
    let evaluation = scores.blame(Fault::Data)?;
    let seconds = start.elapsed().as_secs_f64();
    let run = RunReport {
        device: predicted.device.clone(),
        precision: predicted.precision.clone(),
        instructions: predicted.instructions.map(str::to_owned),
        batch_size: predicted.batch_size,
        ..RunReport::ended(task.pairs.len(), seconds)
    };
    let notes = [task.notes.clone(), predicted.notes.clone()].concat();
    let circumstances =
        Circumstances { dataset: task.dataset(), model: predicted.model.clone(), run, notes };
    let report = Report::new(&evaluation, circumstances)?;
    let compared = against.map(|against| against.compare(&report));
    let comparison = compared.as_ref().and_then(|compared| compared.as_ref().ok());
    let views = match &mut network {
        Some(network) => views(&evaluation, comparison, network, arguments.selection.exif.into()),
        None => Views::new(),
    };
    let mut attempts = Attempts::default();
    attempts.record(outputs.write(&report, &evaluation, compared.as_ref(), &views));
    let mut outcome_of = Outcome::Done;
    match (compared, &arguments.outputs.baseline) {
        (Some(Ok(comparison)), Some(path)) => {
            conclude(&comparison, path, terminal);
            outcome_of = outcome(&comparison);
        }
        (Some(Err(error)), _) => _ = attempts.record(Err(error)),
        _ => {}
    }
    attempts.conclude()?;
    Ok(outcome_of)
}

/// What is read before the work begins.
struct Prepared<'a> {
    against: Option<Against<'a>>,
    task: Task,
    /// Every file that is read, as far as users could name it for an output by mistake.
    inputs: Vec<PathBuf>,
}

fn prepare<'a>(arguments: &'a EvalArguments, terminal: &Terminal) -> Result<Prepared<'a>> {
    let mut against = Against::read(arguments)?;
    let task = task(arguments)?;
    task.warnings.iter().chain(&task.notes).for_each(|warning| terminal.warn(warning));
    let truth = task.split.layout.annotations().truth;
    ensure!(
        arguments.outputs.predictions_out.is_none() || truth == TruthKind::Keypoints,
        "--predictions-out writes keypoints, and `{}` has {}: `lpmflow predict --pairs` writes flows, \
         and --predictions scores those that its lines name as `flow`",
        task.split.dataset,
        truth.plural()
    );
    if let Some(against) = &mut against {
        against.foresee(&task, arguments.instead.predictions.is_some())?;
    }
    let weights = weights(arguments)?;
    let inputs = named_inputs(arguments).into_iter().chain(weights).chain(task.split.files());
    Ok(Prepared { against, inputs: inputs.collect(), task })
}

/// The files that flags name, the weights' as far as they are there.
fn named_inputs(arguments: &EvalArguments) -> Vec<PathBuf> {
    let EvalArguments { selection, instead, outputs, .. } = arguments;
    let named = [&selection.datasets, &instead.predictions, &outputs.baseline];
    let weights = weights(arguments).unwrap_or_default();
    named.into_iter().flatten().cloned().chain(weights).collect()
}

/// The files of the weights, if any are used.
fn weights(arguments: &EvalArguments) -> Result<Vec<PathBuf>> {
    let EvalArguments { instead, model, .. } = arguments;
    match instead.is_none() {
        true => engine::files(&model.choice()),
        false => Ok(Vec::new()),
    }
}

fn task(arguments: &EvalArguments) -> Result<Task> {
    let (selection, scoring) = (&arguments.selection, &arguments.scoring);
    let wanted = Wanted {
        dataset: &selection.dataset,
        data_root: &selection.data_root,
        split: selection.split.as_deref(),
        categories: &selection.category,
        limit: selection.limit.map(NonZeroUsize::get),
        protocols: &scoring.protocol,
        alphas: &scoring.alpha,
        skip_bad: selection.skip_bad,
        exif: selection.exif.into(),
    };
    let catalog = Catalog::load(selection.datasets.as_deref())?;
    entry_of("eval", &catalog, &selection.dataset)?;
    Task::new(&catalog, &wanted)
}
