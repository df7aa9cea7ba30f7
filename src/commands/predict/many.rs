//! Many pairs: a list, a photo with many others, the frames of a film.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail, ensure};
use indexmap::IndexSet;

use crate::cli::predict::{DEFAULT_FORMAT, ListArguments, PredictArguments};
use crate::commands::interrupt::stop_on_interrupt;
use crate::commands::predict::flags::{inputs, keypoints, limits, tell_of_confidence, turns};
use crate::commands::predict::shards;
use crate::commands::processes::device_of;
use crate::commands::{Outcome, engine, usage_error};
use crate::data::photo::orientation::Exif;
use crate::geometry::Turn;
use crate::inference::{Engine, Kernels};
use crate::output::{self, Stdout};
use crate::predict::annotation::{Annotation, is_json};
use crate::predict::batch;
use crate::predict::batch::list::{Batch, INDEX};
use crate::predict::output::Format;
use crate::predict::pair_list::targets::{
    Pairing, file_for, frames, frames_in, pairs, photos_listed, photos_named,
};
use crate::predict::pair_list::{self, Entry, List, Source};
use crate::predict::photo::Photo;
use crate::predict::ranking::{RANKING, Ranking, ensure_ranking};
use crate::predict::record::Record;
use crate::processes::shards::Shard;
use crate::spelling::counted;
use crate::terminal::Terminal;
use crate::visible::Shown;

/// What is to be matched, and what is written of it.
struct Work {
    entries: Vec<Entry>,
    /// Of which part only this is to be done, of that part only this, and so on.
    parts: Vec<Shard>,
    /// What is written where nothing is named.
    default_format: Option<String>,
    /// Whether the targets are ranked.
    ranked: bool,
    /// Whether the pairs stand in a list.
    listed: bool,
}

/// The pairs of a list.
pub(super) fn run_list(
    arguments: &PredictArguments,
    list: &Path,
    terminal: &Terminal,
) -> Result<Outcome> {
    if arguments.list.output_dir.is_none() {
        return Err(usage_error("predict", "--pairs goes with --output-dir DIR"));
    }
    formats(&arguments.list.format, None)?;
    let given = shards::given()?;
    if let Some(count) = arguments.list.processes.filter(|_| given.is_none()) {
        let start = Instant::now();
        let (outcome, mut summary) = shards::run(arguments, list, count, terminal)?;
        let folder = arguments.list.output_dir.as_deref();
        let named = formats(&arguments.list.format, None)?;
        let whole = !summary.interrupted && arguments.list.shard.is_none();
        if whole && named.iter().any(|(_, format)| format.is_view()) {
            // All is done but the page of all pairs.
            let alone = ListArguments { processes: None, ..arguments.list.clone() };
            let arguments = PredictArguments { list: alone, ..arguments.clone() };
            run_list(&arguments, list, &Terminal::silent())?;
            summary.index = folder.map(|folder| folder.join(INDEX));
        }
        terminal.log_summary(&summary, folder, start.elapsed());
        return Ok(outcome);
    }
    let List { entries, notes } = pair_list::read(list)?;
    if given.is_none_or(|share| share.index == 0) {
        notes.iter().for_each(|note| terminal.warn(note));
    }
    let drawn = entries.iter().filter_map(|entry| entry.pair.as_ref().ok());
    let drawn =
        drawn.flat_map(|pair| pair.sources.iter().filter_map(|source| source.drawn.as_ref()));
    let listed = drawn.map(|file| transfer_format(is_json(file))).next();
    let default_format =
        transferred(arguments).or(listed).or_else(|| Some(DEFAULT_FORMAT.to_owned()));
    let parts: Vec<Shard> = arguments.list.shard.into_iter().chain(given).collect();
    let work = Work { entries, parts, default_format, ranked: false, listed: true };
    let Some(given) = given else { return run(arguments, work, terminal) };
    let mut arguments = arguments.clone();
    arguments.model.device = device_of(given.index, &arguments.model.device);
    run(&arguments, work, &terminal.quietened())
}

/// The frames of a film.
pub(super) fn run_frames(
    arguments: &PredictArguments,
    place: &Path,
    terminal: &Terminal,
) -> Result<Outcome> {
    let marked = keypoints(arguments)?;
    let ListArguments { output_dir, format, .. } = &arguments.list;
    if marked.is_none()
        && (output_dir.is_none() || arguments.transfer.is_none() && format.is_empty())
    {
        return Err(usage_error(
            "predict",
            "say what is followed through the frames: --point or --keypoints of the first, or --transfer with \
             --output-dir DIR",
        ));
    }
    let photos =
        if place.is_dir() { frames_in(place, &batch::is_result)? } else { photos_listed(place)? };
    let entries = frames(&photos, marked.as_ref())?;
    run(
        arguments,
        Work {
            entries,
            parts: Vec::new(),
            default_format: transferred(arguments),
            ranked: false,
            listed: false,
        },
        terminal,
    )
}

/// A photo, or several, with many others.
pub(super) fn run_targets(
    arguments: &PredictArguments,
    source: &Path,
    targets: &[PathBuf],
    terminal: &Terminal,
) -> Result<Outcome> {
    let mut sources = photos_named(&[source.to_owned()], &batch::is_result)?;
    let targets = photos_named(targets, &batch::is_result)?;
    if arguments.truth.is_some() {
        return Err(usage_error(
            "predict",
            "--truth goes with one pair; lists have a column `truth`",
        ));
    }
    if !arguments.files.named.is_empty() {
        return Err(usage_error(
            "predict",
            "with several photos, --output-dir DIR and --format say what is written of each pair",
        ));
    }
    let marked = keypoints(arguments)?;
    if sources.len() > 1 && marked.is_some() {
        return Err(usage_error("predict", "--point and --keypoints go with one source"));
    }
    if arguments.transfer.is_some() && arguments.list.output_dir.is_none() {
        return Err(usage_error("predict", "--transfer to many photos goes with --output-dir DIR"));
    }
    if let Some(place) = arguments.transfer.as_ref().filter(|_| arguments.list.best_source) {
        sources.retain(|source| match file_for(source, place) {
            Ok(_) => true,
            Err(error) => {
                terminal.warn(&format!("`{}` is left out: {error:#}", source.shown()));
                false
            }
        });
        ensure!(!sources.is_empty(), "no source is left");
    }
    let pairing = if arguments.list.best_source { Pairing::BestSource } else { Pairing::All };
    let entries = pairs(&sources, &targets, pairing, marked.as_ref())?;
    let default_format = match transferred(arguments) {
        None if marked.is_none() => Some("view.html".to_owned()),
        transferred => transferred,
    };
    let (ranked, listed, parts) = (true, false, Vec::new());
    run(arguments, Work { entries, parts, default_format, ranked, listed }, terminal)
}

/// What is written of what is carried across.
fn transferred(arguments: &PredictArguments) -> Option<String> {
    let file = arguments.transfer.as_deref()?;
    let holds_json = |folder: &Path| {
        let files = std::fs::read_dir(folder).ok()?.flatten();
        files.into_iter().next().map(|file| is_json(&file.path()))
    };
    let json = is_json(file) || file.is_dir() && holds_json(file) == Some(true);
    Some(transfer_format(json))
}

fn transfer_format(json: bool) -> String {
    if json { "transfer.json" } else { "transfer.png" }.to_owned()
}

/// The same pairs where the command line says what is drawn on their sources.
fn with_drawn(entries: Vec<Entry>, arguments: &PredictArguments) -> Result<Vec<Entry>> {
    let Some(place) = &arguments.transfer else { return Ok(entries) };
    let sources = entries.iter().filter_map(|entry| entry.pair.as_ref().ok());
    let mut sources = sources.flat_map(|pair| pair.sources.iter().map(|source| &source.photo));
    let first = sources.next();
    if place.is_file() && !is_json(place) && sources.any(|source| Some(source) != first) {
        return Err(usage_error(
            "predict",
            "one picture cannot be drawn on several sources: name a folder that has one for each",
        ));
    }
    let drawn = |photo: &Path| file_for(photo, place);
    let entry = |entry: Entry| {
        let pair = entry.pair.and_then(|pair| pair.with_drawn(&drawn));
        Entry { pair, ..entry }
    };
    Ok(entries.into_iter().map(entry).collect())
}

fn run(arguments: &PredictArguments, work: Work, terminal: &Terminal) -> Result<Outcome> {
    let start = Instant::now();
    let ListArguments { output_dir, batch_size, .. } = &arguments.list;
    let folder = output_dir.as_deref();
    let default_format = work.default_format.filter(|_| folder.is_some());
    let formats = formats(&arguments.list.format, default_format)?;
    let mut entries = with_drawn(work.entries, arguments)?;
    let mut pairs = entries.iter().filter_map(|entry| entry.pair.as_ref().ok());
    if !pairs.any(|pair| pair.sources.iter().any(|source| source.drawn.is_some()))
        && let Some((name, _)) = formats.iter().find(|(_, format)| format.check(None).is_err())
    {
        let problem = format!("--format {name} goes with --transfer FILE");
        return Err(usage_error("predict", &problem));
    }
    if let Some(folder) = folder {
        output::make_folder(folder)
            .with_context(|| format!("making the output folder `{}`", folder.shown()))?;
    }
    let mut network = engine::load(&arguments.model, terminal)?;
    if !work.listed {
        leave_out_unsound(&mut entries, arguments, &network, &formats, terminal)?;
    }
    let settings = settings(arguments, &network)?;
    let turns = turns(arguments);
    let whole = Batch {
        entries: &entries,
        part: !work.parts.is_empty(),
        folder,
        formats: &formats,
        turns: &turns,
        judged: work.ranked,
        resolution: arguments.size.into(),
        exif: arguments.exif.into(),
        settings: &settings,
        limits: limits(arguments),
        drawing: arguments.drawing.drawing(),
        batch_size: batch_size.get(),
    };
    let ranking_file = folder.filter(|_| work.ranked).map(|folder| folder.join(RANKING));
    check(&whole, ranking_file.as_deref(), arguments)?;
    let own =
        work.parts.iter().fold(&entries[..], |entries, part| &entries[part.of(entries.len())]);
    if let (true, Some(part)) = (own.is_empty(), work.parts.first()) {
        let pairs = counted(entries.len(), "pair");
        terminal.log(&format!("part {part} of {pairs} is empty: other parts have them all"));
    }
    let batch = Batch { entries: own, ..whole };
    batch::ensure_records(&batch)?;
    batch::ensure_index(&batch)?;
    ranking_file.as_deref().map_or(Ok(()), ensure_ranking)?;
    tell_of_confidence(&network, batch.needs(), terminal);
    let stopped = stop_on_interrupt()?;
    let template = "{bar:30} {pos}/{len} pairs{pace}";
    let progress = terminal.progress(("matching", "pairs"), own.len(), template);
    let mut printed = Ok(());
    let mut ranking = Ranking::default();
    let mut report = |record: Record| {
        terminal.warn_of_failure(&record);
        progress.inc(1);
        if work.ranked {
            ranking.add(&record);
        }
        printed = terminal.json(&record);
    };
    let summary = batch::run(&batch, &mut network, &mut report, &|| {
        stopped.load(Ordering::Relaxed) || terminal.reader_is_gone()
    });
    drop(progress);
    let summary = summary?;
    ranking.sort();
    if let Some(file) = ranking_file.as_deref() {
        ranking.write(file)?;
    }
    printed?;
    // Of workers, who has started them tells it.
    if shards::given()?.is_none() {
        terminal.log_summary(&summary, folder, start.elapsed());
    }
    if !ranking.is_empty() {
        terminal.log_ranking(&ranking, ranking_file.as_deref());
    }
    Ok(match &summary {
        _ if summary.interrupted && terminal.reader_is_gone() => Outcome::ReaderGone,
        _ if summary.interrupted => Outcome::Interrupted,
        _ if summary.failed > 0 => Outcome::PartlyFailed,
        _ => Outcome::Done,
    })
}

/// Leaves out sources that cannot be read, or on which what is drawn does not fit, of several for each target; what is
/// wrong with the only one would be so with every target.
fn leave_out_unsound(
    entries: &mut [Entry],
    arguments: &PredictArguments,
    network: &Engine,
    formats: &[(String, Format)],
    terminal: &Terminal,
) -> Result<()> {
    let exif = arguments.exif.into();
    let problem = |source: &Source| -> Result<()> {
        let photo = Photo::read(&source.photo, exif, network.input(), false, &[])?;
        let annotation = source.drawn.as_ref();
        let annotation = annotation.map(|file| Annotation::read(file, &source.photo, exif));
        if let Some(annotation) = annotation.transpose()? {
            let fits = |(_, format): &(String, Format)| format.check(Some(&annotation));
            annotation.check(photo.size).and_then(|()| formats.iter().try_for_each(fits))?;
        }
        Ok(())
    };
    let pairs = entries.iter().filter_map(|entry| entry.pair.as_ref().ok());
    let sources: IndexSet<Source> = pairs.flat_map(|pair| pair.sources.clone()).collect();
    let mut unsound = HashSet::new();
    for source in &sources {
        let Err(error) = problem(source) else { continue };
        if sources.len() == 1 {
            return Err(error);
        }
        if arguments.list.best_source {
            terminal.warn(&format!("`{}` is left out: {error:#}", source.photo.shown()));
            unsound.insert(source);
        }
    }
    ensure!(unsound.len() < sources.len(), "no source is left");
    for pair in entries.iter_mut().filter_map(|entry| entry.pair.as_mut().ok()) {
        pair.sources.retain(|source| !unsound.contains(source));
        if pair.sources.is_empty() {
            let problem = "the only source that is not this photo itself was left out";
            return Err(anyhow!("`{}`: {problem}", pair.target.shown()));
        }
    }
    Ok(())
}

/// Everything that results depend on beside the photos and what is drawn on them.
fn settings(arguments: &PredictArguments, network: &Engine) -> Result<String> {
    let model = network.description()?;
    let weights = model.sha256.context("the weights come from no file")?;
    let dictionary = arguments.model.dictionary.as_deref().unwrap_or_default();
    Ok(format!(
        "weights {weights} {dictionary}, {}, least confidence {:?}, {:?} matches, {:?}, {:?} on {}{}{}{}{}",
        serde_json::to_string(&model.config)?,
        arguments.min_confidence,
        arguments.max_matches,
        arguments.drawing.drawing(),
        arguments.model.precision,
        engine::device_name(network),
        if arguments.model.kernels == Kernels::Own { ", own kernels" } else { "" },
        if Exif::from(arguments.exif) == Exif::Ignore { ", as stored" } else { "" },
        if arguments.fill { ", filled" } else { "" },
        match turns(arguments).as_slice() {
            [Turn::NONE] => String::new(),
            turns => format!(", seen as {turns:?}"),
        }
    ))
}

/// Checks that no file of a pair would overwrite a photo, the list or a file of another pair.
fn check(batch: &Batch, ranking: Option<&Path>, arguments: &PredictArguments) -> Result<()> {
    let (outputs, photos, inputs) = (batch.outputs(), batch.inputs(), inputs(arguments)?);
    let inputs = photos.iter().chain(&inputs).map(PathBuf::as_path);
    let outputs = outputs.iter().map(PathBuf::as_path).chain(ranking);
    match output::check(outputs, inputs)? {
        Stdout::Free => Ok(()),
        Stdout::Taken => bail!(
            "stdout goes to a file that a pair is to write in `{}`: name another",
            batch.folder.unwrap_or(Path::new("")).shown()
        ),
    }
}

/// The formats that `--format` names.
fn formats(named: &[String], default: Option<String>) -> Result<Vec<(String, Format)>> {
    let default: Vec<String> = default.into_iter().collect();
    let endings = if named.is_empty() { &default } else { named };
    let format = |ending: &String| Ok((ending.to_lowercase(), Format::in_list(ending)?));
    let formats: Result<Vec<_>> = endings.iter().map(format).collect();
    formats.map_err(|error| usage_error("predict", &error.to_string()))
}
