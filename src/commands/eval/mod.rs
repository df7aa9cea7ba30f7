//! `lpmflow eval`: flags become a task, pairs become predictions, predictions become a report.

mod outputs;
mod predicted;
#[cfg(test)]
mod toy_protocol;
mod views;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::cli::eval::EvalArguments;
use crate::commands::compare::{conclude, outcome};
use crate::commands::{Outcome, engine};
use crate::data::catalog::Catalog;
use crate::data::truth::TruthKind;
use crate::eval::compare::{CompareOptions, compare, ensure_same_pairs};
use crate::eval::report::html::Views;
use crate::eval::report::{Circumstances, Report, RunReport};
use crate::eval::summary::score;
use crate::eval::task::{Task, Wanted};
use crate::output::Attempts;
use crate::terminal::Terminal;
use outputs::Outputs;
use predicted::Predicted;
use views::views;

/// Runs the command.
///
/// # Errors
/// Whatever kept it from its results.
pub(super) fn run(arguments: &EvalArguments, terminal: &Terminal) -> Result<Outcome> {
    let baseline = arguments.outputs.baseline.as_deref().map(Report::read).transpose()?;
    let mut task = task(arguments)?;
    ensure!(
        arguments.outputs.predictions_out.is_none()
            || task.split.layout.annotations().truth == TruthKind::Keypoints,
        "--predictions-out writes keypoints, and `{}` has {}: `lpmflow predict --pairs` writes flows, \
         and --predictions scores those that its lines name as `flow`",
        task.split.dataset,
        task.split.layout.annotations().truth.plural()
    );
    task.warnings.iter().chain(&task.notes).for_each(|warning| terminal.warn(warning));
    let outputs = Outputs::new(
        &arguments.outputs,
        arguments.selection.exif.into(),
        &inputs(arguments, &task)?,
        task.root(),
        terminal,
    )?;
    if let Some(baseline) = baseline.as_ref().filter(|_| arguments.instead.predictions.is_none()) {
        // Better refused now than after an hour.
        ensure_same_pairs(&baseline.dataset, &task.dataset())
            .context("comparing with --baseline")?;
    }
    let start = Instant::now();
    let mut predicted = Predicted::new(arguments, &task, terminal)?;
    task.leave_out(predicted.unusable);
    task.keep_predicted(&predicted.predictions, predicted.model.kind);
    let mut network = predicted.network.take();
    let protocols = &predicted.protocols;
    let evaluation = score(&task.pairs, &predicted.predictions, protocols, &task.alphas)?;
    let seconds = start.elapsed().as_secs_f64();
    let run = RunReport {
        device: predicted.device.clone(),
        precision: predicted.precision.clone(),
        batch_size: predicted.batch_size,
        ..RunReport::ended(task.pairs.len(), seconds)
    };
    let notes = [task.notes.clone(), predicted.notes.clone()].concat();
    let circumstances =
        Circumstances { dataset: task.dataset(), model: predicted.model.clone(), run, notes };
    let report = Report::new(&evaluation, circumstances);
    let options = CompareOptions {
        protocol: Some(report.headline.protocol),
        alpha: Some(report.headline.alpha.clone()),
        max_drop: arguments.outputs.max_drop,
        max_drop_category: arguments.outputs.max_drop_category,
    };
    let mut attempts = Attempts::default();
    let comparison = baseline.map(|baseline| compare(&baseline, &report, &options)).transpose();
    let comparison = comparison.unwrap_or_else(|error| {
        attempts.record(Err(error));
        None
    });
    let views = match &mut network {
        Some(network) => views(&evaluation, network, arguments.selection.exif.into()),
        None => Views::new(),
    };
    attempts.record(outputs.write(&report, &evaluation, comparison.as_ref(), &views));
    if let Some(comparison) = &comparison {
        conclude(comparison, terminal);
    }
    attempts.conclude()?;
    Ok(comparison.as_ref().map_or(Outcome::Done, outcome))
}

/// Every file that is read, as far as users could name it for an output by mistake.
fn inputs(arguments: &EvalArguments, task: &Task) -> Result<Vec<PathBuf>> {
    let EvalArguments { selection, instead, outputs, model, .. } = arguments;
    let named = [&selection.datasets, &instead.predictions, &outputs.baseline];
    let mut inputs: Vec<PathBuf> = named.into_iter().flatten().cloned().collect();
    inputs.extend(task.split.files());
    if instead.predictions.is_none() && instead.baseline_model.is_none() {
        inputs.extend(engine::files(&model.choice())?);
    }
    Ok(inputs)
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
    Task::new(&Catalog::load(selection.datasets.as_deref())?, &wanted)
}
