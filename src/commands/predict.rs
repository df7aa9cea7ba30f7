//! `lpmflow predict`: flags become a plan, the engine runs it, the terminal shows what came of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cli::predict::{
    DEFAULT_FORMAT, DEFAULT_VIEW, FlowSize, ListArguments, PredictArguments,
};
use crate::commands::interrupt::stop_on_interrupt;
use crate::commands::{Outcome, engine, usage_error};
use crate::data::photo::orientation::Exif;
use crate::inference::{Engine, FlowNetwork};
use crate::model::weights::sha256;
use crate::output::{self, Stdout};
use crate::predict::batch::list::Batch;
use crate::predict::correspondence::{Needs, Resolution};
use crate::predict::keypoints::Keypoints;
use crate::predict::limits::Limits;
use crate::predict::output::{Format, Output};
use crate::predict::pair_list::List;
use crate::predict::photo::Photo;
use crate::predict::plan::Plan;
use crate::predict::product::Kind;
use crate::predict::product::view::{View, is_view};
use crate::predict::record::{PairOutcome, Record};
use crate::predict::{batch, pair, pair_list};
use crate::terminal::Terminal;
use crate::visible::Shown;

/// Runs the command.
///
/// # Errors
/// Whatever kept it from its result.
pub(super) fn run(arguments: &PredictArguments, terminal: &Terminal) -> Result<Outcome> {
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
    let mut outputs = outputs(arguments)?;
    if outputs.is_empty() && arguments.keypoints.is_none() && arguments.point.is_empty() {
        outputs.push(default_output()?);
    }
    let paths = outputs.iter().map(|output| output.path.as_path());
    let inputs = [&[source_path.clone(), target_path.clone()][..], &inputs(arguments)?].concat();
    if output::check(paths, inputs.iter().map(PathBuf::as_path))? == Stdout::Taken {
        if arguments.json {
            return Err(usage_error("predict", "--json and one of the outputs both want stdout"));
        }
        terminal.yield_stdout();
    }
    let plan = Plan {
        outputs,
        keypoints: keypoints(arguments)?,
        resolution: arguments.size.into(),
        limits: limits(arguments),
    };
    let mut network = engine::load(&arguments.model, terminal)?;
    tell_of_confidence(&network, plan.needs(), terminal);
    let (input, exif) = (network.input(), arguments.exif.into());
    let photo = |path: &Path| Photo::read(path, exif, input, plan.needs_photos());
    let (source, target) = rayon::join(|| photo(source_path), || photo(target_path));
    let (prediction, mut attempts) = pair::run(&mut network, &source?, &target?, &plan)?;
    terminal.log_prediction(&prediction, plan.resolution, start.elapsed());
    if arguments.json {
        let photos = Some([&**source_path, &**target_path]);
        terminal.json(&Record::new(None, photos, PairOutcome::Done(prediction)))?;
    } else if let Some(keypoints) = &prediction.keypoints {
        terminal.json(keypoints)?;
    }
    attempts.record(terminal.written());
    attempts.conclude()?;
    Ok(Outcome::Done)
}

/// Which matches count.
fn limits(arguments: &PredictArguments) -> Limits {
    Limits {
        min_confidence: arguments.min_confidence,
        most_matches: arguments.max_matches.map(NonZeroUsize::get),
    }
}

/// The positions to transfer, if there are any.
fn keypoints(arguments: &PredictArguments) -> Result<Option<Keypoints>> {
    match &arguments.keypoints {
        Some(file) => Keypoints::read(file).map(Some),
        None if arguments.point.is_empty() => Ok(None),
        None => Ok(Some(Keypoints::at(arguments.point.clone()))),
    }
}

/// The files that are read, whatever the photos.
fn inputs(arguments: &PredictArguments) -> Result<Vec<PathBuf>> {
    let lists = arguments.keypoints.iter().chain(&arguments.list.pairs).cloned();
    Ok(lists.chain(engine::files(&arguments.model.choice())?).collect())
}

fn run_list(arguments: &PredictArguments, list: &Path, terminal: &Terminal) -> Result<Outcome> {
    let start = Instant::now();
    let ListArguments { output_dir, batch_size, .. } = &arguments.list;
    let folder = output_dir.as_deref().context("--pairs goes with --output-dir")?;
    let formats = formats(&arguments.list.format)?;
    let List { entries, notes } = pair_list::read(list)?;
    notes.iter().for_each(|note| terminal.warn(note));
    output::make_folder(folder)
        .with_context(|| format!("making the output folder `{}`", folder.shown()))?;
    let mut network = engine::load(&arguments.model, terminal)?;
    let weights = network.description()?.sha256.context("the weights come from no file")?;
    let dictionary = arguments.model.dictionary.as_deref().unwrap_or_default();
    let head = arguments.model.head.as_deref().map(sha256).transpose()?.unwrap_or_default();
    let exif = Exif::from(arguments.exif);
    let settings = format!(
        "weights {weights} {dictionary} {head}, {} pixels, least confidence {:?}, {:?} matches, {:?} on {}{}",
        network.input().side,
        arguments.min_confidence,
        arguments.max_matches,
        arguments.model.precision,
        engine::device_name(&network),
        if exif == Exif::Ignore { ", as stored" } else { "" }
    );
    let batch = Batch {
        entries: &entries,
        folder,
        formats: &formats,
        resolution: arguments.size.into(),
        exif,
        settings: &settings,
        limits: limits(arguments),
        batch_size: batch_size.get(),
    };
    check_list(&batch, arguments)?;
    batch::ensure_records(&batch)?;
    batch::ensure_index(&batch)?;
    let pairs = entries.iter().filter_map(|entry| entry.pair.as_ref().ok());
    let needs = pairs.map(|pair| batch.plan(pair).needs()).max().unwrap_or(Needs::Matches);
    tell_of_confidence(&network, needs, terminal);
    let stopped = stop_on_interrupt()?;
    let template = "{bar:30} {pos}/{len} pairs{pace}";
    let progress = terminal.progress(("matching", "pairs"), entries.len(), template);
    let mut printed = Ok(());
    let mut report = |record: Record| {
        terminal.warn_of_failure(&record);
        progress.inc(1);
        printed = terminal.json(&record);
    };
    let summary = batch::run(&batch, &mut network, &mut report, &|| {
        stopped.load(Ordering::Relaxed) || terminal.reader_is_gone()
    });
    drop(progress);
    let summary = summary?;
    printed?;
    terminal.log_summary(&summary, folder, start.elapsed());
    Ok(match &summary {
        _ if summary.interrupted && terminal.reader_is_gone() => Outcome::ReaderGone,
        _ if summary.interrupted => Outcome::Interrupted,
        _ if summary.failed > 0 => Outcome::PartlyFailed,
        _ => Outcome::Done,
    })
}

/// Checks that no file of a pair would overwrite a photo, the list or a file of another pair.
fn check_list(batch: &Batch, arguments: &PredictArguments) -> Result<()> {
    let (outputs, photos, inputs) = (batch.outputs(), batch.photos(), inputs(arguments)?);
    let inputs = photos.iter().chain(&inputs).map(PathBuf::as_path);
    match output::check(outputs.iter().map(PathBuf::as_path), inputs)? {
        Stdout::Free => Ok(()),
        Stdout::Taken => bail!(
            "stdout goes to a file that a pair is to write in `{}`: name another",
            batch.folder.shown()
        ),
    }
}

/// Says what the confidence means, if one is wanted, where it is no probability.
fn tell_of_confidence(network: &Engine, needs: Needs, terminal: &Terminal) {
    if needs >= Needs::Confidence && !network.is_calibrated() {
        terminal.log(
            "the confidence of these weights is not calibrated: it says whether the way there and back ends \
             where it began",
        );
    }
}

/// The files that the flags name.
fn outputs(arguments: &PredictArguments) -> Result<Vec<Output>> {
    let outputs = arguments.files.named.iter().map(|(kind, path)| Output::new(kind, path));
    outputs
        .map(|output| output.map_err(|error| usage_error("predict", &error.to_string())))
        .collect()
}

/// What is written where nothing is named: a page to look at.
fn default_output() -> Result<Output> {
    const VIEW: &Kind = &Kind::of::<View>();
    let path = Path::new(DEFAULT_VIEW);
    if path.try_exists()? && !is_view(path)? {
        bail!(
            "`{DEFAULT_VIEW}` is there and is no such page of lpmflow's: name another file with --html FILE"
        );
    }
    Output::new(VIEW, path)
}

/// The formats that `--format` names.
fn formats(named: &[String]) -> Result<Vec<(String, Format)>> {
    let default = [DEFAULT_FORMAT.to_owned()];
    let endings = if named.is_empty() { &default[..] } else { named };
    let format = |ending: &String| Ok((ending.to_lowercase(), Format::in_list(ending)?));
    let formats: Result<Vec<_>> = endings.iter().map(format).collect();
    formats.map_err(|error| usage_error("predict", &error.to_string()))
}

impl From<FlowSize> for Resolution {
    fn from(size: FlowSize) -> Self {
        match size {
            FlowSize::Original => Self::Original,
            FlowSize::Network => Self::Network,
        }
    }
}
