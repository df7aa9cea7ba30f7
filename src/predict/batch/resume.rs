//! What an earlier run finished: beside the files of a pair lies `NAME.json`, written last, which says from what
//! and how they were made.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::output;
use crate::predict::annotation::Annotation;
use crate::predict::batch::list::Batch;
use crate::predict::batch::work::Work;
use crate::predict::content::Content;
use crate::predict::correspondence::Resolution;
use crate::predict::keypoints::Keypoints;
use crate::predict::output::Format;
use crate::predict::pair_list::ListedPair;
use crate::predict::record::{PairLabel, Prediction, WrittenFile};
use crate::visible::Shown;

/// The program that makes the files: another version may make others.
const PROGRAM: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// Everything that the files of a pair depend on, but for what they are called.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Made {
    program: String,
    settings: String,
    size: Resolution,
    sources: Vec<Content>,
    target: Content,
    keypoints: Option<Keypoints>,
    /// What is drawn on the sources, and what truly lies on the target.
    drawn: Vec<Option<Content>>,
}

/// The files of a pair, and how they were made.
#[derive(Serialize, Deserialize)]
struct Finished {
    /// What the list calls the pair: said for readers, and of no weight.
    #[serde(default)]
    pair: PairLabel,
    made: Made,
    /// What the files held, by their endings.
    files: HashMap<String, Content>,
    prediction: Prediction,
}

/// What photos hold, each read once a run.
#[derive(Debug, Default)]
pub(super) struct Contents {
    known: HashMap<PathBuf, Option<Content>>,
}

impl Contents {
    fn of(&mut self, path: PathBuf) -> Option<Content> {
        if !self.known.contains_key(&path) {
            let content = Content::of_file(&path).ok();
            self.known.insert(path.clone(), content);
        }
        self.known[&path].clone()
    }
}

/// Ensures that no pair's record replaces something else.
///
/// # Errors
/// When there is a file of that name that is no such record.
pub(crate) fn ensure_records(batch: &Batch) -> Result<()> {
    let records = batch.pairs().filter_map(|pair| batch.record_path(pair));
    match records.filter(|record| is_foreign(record)).min() {
        None => Ok(()),
        Some(record) => bail!(
            "`{}` is there and says nothing of an earlier run, but that is where the record of the pair goes: \
             move it, or choose another --output-dir",
            record.shown()
        ),
    }
}

/// Whether there is a file where a pair's record goes that is none of this program's, of whatever version.
fn is_foreign(record: &Path) -> bool {
    let Ok(bytes) = fs::read(record) else { return false };
    let keys: Option<HashMap<String, IgnoredAny>> = serde_json::from_slice(&bytes).ok();
    !keys.is_some_and(|keys| keys.contains_key("made") && keys.contains_key("prediction"))
}

/// Whether a file is one that an earlier run wrote, by the record that lies beside it.
pub(crate) fn is_result(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    name.match_indices('.').any(|(at, _)| {
        let record = path.with_file_name(format!("{}.json", &name[..at]));
        let finished = fs::read(record).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        finished.is_some_and(|finished: Written| finished.files.contains_key(&name[at + 1..]))
    })
}

/// What a record says of files alone; those of other versions say it too.
#[derive(Deserialize)]
struct Written {
    files: HashMap<String, IgnoredAny>,
    #[serde(rename = "made")]
    _made: IgnoredAny,
}

/// What an earlier run found for a pair, if its files are complete and as they were left, and were made in the
/// same way of the same photos.
pub(super) fn finished(
    batch: &Batch,
    pair: &ListedPair,
    photos: &mut Contents,
) -> Option<Prediction> {
    let (folder, path) = (batch.folder?, batch.record_path(pair)?);
    let mut finished: Finished = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
    let mut of = |path: PathBuf| photos.of(path);
    let mut sources = Vec::new();
    let mut drawn = Vec::new();
    for source in pair.sources() {
        sources.push(of(source.photo)?);
        drawn.push(match source.drawn {
            Some(path) => Some(of(path)?),
            None => None,
        });
    }
    if let Some(path) = pair.truth_path() {
        drawn.push(Some(of(path)?));
    }
    let target = of(pair.target_path())?;
    if finished.made != made(batch, pair, sources, target, drawn) {
        return None;
    }
    let as_left = |ending: &str, path: &Path| {
        let left = finished.files.get(ending);
        let same_length =
            |left: &Content| fs::metadata(path).is_ok_and(|now| now.len() == left.bytes);
        left.is_some_and(|left| {
            same_length(left) && Content::of_file(path).is_ok_and(|now| now == *left)
        })
    };
    let plan = batch.plan(pair);
    let mut outputs = batch.formats.iter().zip(&plan.outputs);
    if !outputs.all(|((ending, _), output)| as_left(ending, &output.path)) {
        return None;
    }
    // The folder may have moved since.
    for file in &mut finished.prediction.files {
        file.path = folder.join(file.path.file_name()?);
    }
    let label = pair.label(finished.prediction.source_index);
    if finished.pair != label {
        finished.pair = label;
        write(&path, &finished).ok()?;
    }
    Some(finished.prediction)
}

fn made(
    batch: &Batch,
    pair: &ListedPair,
    sources: Vec<Content>,
    target: Content,
    drawn: Vec<Option<Content>>,
) -> Made {
    Made {
        program: PROGRAM.to_owned(),
        settings: batch.settings.to_owned(),
        size: batch.resolution,
        sources,
        target,
        keypoints: pair.keypoints.clone(),
        drawn,
    }
}

/// Takes back the word that a pair is complete, before its files change.
pub(super) fn forget(batch: &Batch, pair: &ListedPair) -> Result<()> {
    let Some(path) = batch.record_path(pair) else { return Ok(()) };
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing the old `{}`", path.shown()))
        }
        _ => Ok(()),
    }
}

/// Says that the files of a pair are complete.
pub(super) fn remember(batch: &Batch, work: &Work, prediction: &Prediction) -> Result<()> {
    let Some(path) = batch.record_path(work.pair) else { return Ok(()) };
    let content = |annotation: &Arc<Annotation>| annotation.content.clone();
    let sources = work.candidates.iter().map(|source| source.photo.content.clone()).collect();
    let plans = || work.candidates.iter().map(|source| &source.plan);
    let truth = plans().find_map(|plan| plan.truth.as_ref());
    let drawn = plans().map(|plan| plan.annotation.as_ref().map(content));
    let drawn = drawn.chain(truth.map(|truth| Some(content(truth)))).collect();
    let file = |((ending, _), written): (&(String, Format), &WrittenFile)| {
        let content = Content::of_file(&written.path)
            .with_context(|| format!("reading `{}` again", written.path.shown()))?;
        Ok((ending.clone(), content))
    };
    let finished = Finished {
        pair: work.pair.label(prediction.source_index),
        made: made(batch, work.pair, sources, work.target.content.clone(), drawn),
        files: batch.formats.iter().zip(&prediction.files).map(file).collect::<Result<_>>()?,
        prediction: prediction.clone(),
    };
    write(&path, &finished)
}

fn write(record: &Path, finished: &Finished) -> Result<()> {
    output::write(record, |file| {
        serde_json::to_writer_pretty(&mut *file, finished)?;
        Ok(std::io::Write::write_all(file, b"\n")?)
    })
}
