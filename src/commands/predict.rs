//! `lpmflow predict`: flags become a plan, the engine runs it, the terminal shows what came of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::cli::predict::{FlowSize, ListArguments, PredictArguments};
use crate::commands::interrupt::stop_on_interrupt;
use crate::commands::{Outcome, engine, usage_error};
use crate::predict::batch::{self, Batch};
use crate::predict::correspondence::Resolution;
use crate::predict::keypoints::Keypoints;
use crate::predict::output::{Output, Product, Subject};
use crate::predict::photo::Photo;
use crate::predict::record::{PairOutcome, Record};
use crate::predict::{Plan, output, pair_list};
use crate::terminal::Terminal;

/// The formats of a list where none is named.
const DEFAULT_FORMATS: [&str; 1] = ["flo"];

/// Runs the command.
///
/// # Errors
/// Whatever kept it from its result.
pub fn run(arguments: &PredictArguments, terminal: &Terminal) -> Result<Outcome> {
    match (&arguments.source, &arguments.target, &arguments.list.pairs) {
        (Some(source), Some(target), None) => run_pair(arguments, [source, target], terminal),
        (_, _, Some(list)) => run_list(arguments, list, terminal),
        _ => Err(usage_error("predict", "give SOURCE and TARGET, or --pairs LIST")),
    }
}

fn run_pair(
    arguments: &PredictArguments,
    [source_path, target_path]: [&PathBuf; 2],
    terminal: &Terminal,
) -> Result<Outcome> {
    let start = Instant::now();
    let outputs = outputs(arguments)?;
    if outputs.is_empty() && arguments.keypoints.is_none() {
        let message = "nothing to do: give -o, --warp, --matches, --confidence or --keypoints";
        return Err(usage_error("predict", message));
    }
    output::check(&outputs, &[source_path, target_path])?;
    let plan = Plan {
        outputs,
        keypoints: arguments.keypoints.as_deref().map(Keypoints::read).transpose()?,
        resolution: arguments.size.into(),
    };
    let mut network = engine::load(&arguments.model, terminal)?;
    let input_size = network.input_size();
    let photo = |path: &Path| Photo::read(path, input_size, plan.needs_photos());
    let (source, target) = rayon::join(|| photo(source_path), || photo(target_path));
    let prediction = crate::predict::run(&mut network, &source?, &target?, &plan)?;
    terminal.log_prediction(&prediction, plan.resolution, start.elapsed());
    if arguments.json {
        terminal.json(&Record {
            line: None,
            source: Some(source_path.display().to_string()),
            target: Some(target_path.display().to_string()),
            outcome: PairOutcome::Done(prediction),
        })?;
    } else if let Some(keypoints) = &prediction.keypoints {
        terminal.json(keypoints)?;
    }
    Ok(Outcome::Done)
}

fn run_list(arguments: &PredictArguments, list: &Path, terminal: &Terminal) -> Result<Outcome> {
    let start = Instant::now();
    let ListArguments { output_dir, batch_size, .. } = &arguments.list;
    let folder = output_dir.as_deref().context("--pairs goes with --output-dir")?;
    let formats = formats(&arguments.list.format)?;
    let entries = pair_list::read(list)?;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("making the output folder `{}`", folder.display()))?;
    let mut network = engine::load(&arguments.model, terminal)?;
    let weights = network.description()?.sha256.context("the weights come from no file")?;
    let model = format!("{weights} {:?}", arguments.model.precision);
    let batch = Batch {
        entries: &entries,
        folder,
        formats: &formats,
        resolution: arguments.size.into(),
        model: &model,
        batch_size: batch_size.get(),
    };
    let stopped = stop_on_interrupt()?;
    let bar = terminal.bar(entries.len() as u64);
    let mut printed = Ok(());
    let mut report = |record: Record| {
        terminal.warn_of_failure(&record);
        bar.inc(1);
        printed = terminal.json(&record);
    };
    let summary =
        batch::run(&batch, &mut network, &mut report, &|| stopped.load(Ordering::Relaxed));
    bar.finish_and_clear();
    let summary = summary?;
    printed?;
    terminal.log_summary(&summary, folder, start.elapsed());
    Ok(match summary {
        _ if summary.interrupted => Outcome::Interrupted,
        _ if summary.failed > 0 => Outcome::PartlyFailed,
        _ => Outcome::Done,
    })
}

/// The files that the flags name.
fn outputs(arguments: &PredictArguments) -> Result<Vec<Output>> {
    let flows = arguments.output.iter().map(|path| (Subject::Flow, path));
    let named = [
        (Subject::Warp, &arguments.warp),
        (Subject::Matches, &arguments.matches),
        (Subject::Confidence, &arguments.confidence),
    ];
    let others = named.into_iter().filter_map(|(subject, path)| Some((subject, path.as_ref()?)));
    flows
        .chain(others)
        .map(|(subject, path)| Output::new(subject, path))
        .map(|output| output.map_err(|error| usage_error("predict", &error.to_string())))
        .collect()
}

/// The products that `--format` names.
fn formats(named: &[String]) -> Result<Vec<(String, Product)>> {
    let default = DEFAULT_FORMATS.map(str::to_owned);
    let endings = if named.is_empty() { &default[..] } else { named };
    let product = |ending: &String| Ok((ending.to_lowercase(), Product::from_ending(ending)?));
    let products: Result<Vec<_>> = endings.iter().map(product).collect();
    products.map_err(|error| usage_error("predict", &error.to_string()))
}

impl From<FlowSize> for Resolution {
    fn from(size: FlowSize) -> Self {
        match size {
            FlowSize::Original => Self::Original,
            FlowSize::Network => Self::Network,
        }
    }
}
