//! What an earlier run finished: beside the files of a pair lies `NAME.json`, written last, which says from what
//! and how they were made.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::output;
use crate::predict::batch::list::Batch;
use crate::predict::content::Content;
use crate::predict::correspondence::Resolution;
use crate::predict::keypoints::Keypoints;
use crate::predict::output::Format;
use crate::predict::pair_list::ListedPair;
use crate::predict::record::{Prediction, WrittenFile};
use crate::visible::Shown;

/// The program that makes the files: another version may make others.
const PROGRAM: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// Everything that the files of a pair depend on, but for what they are called.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Made {
    program: String,
    settings: String,
    size: Resolution,
    source: Content,
    target: Content,
    keypoints: Option<Keypoints>,
}

/// The files of a pair, and how they were made.
#[derive(Serialize, Deserialize)]
struct Finished {
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
    let records = batch.pairs().map(|pair| batch.record_path(pair));
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

/// What an earlier run found for a pair, if its files are complete and as they were left, and were made in the
/// same way of the same photos.
pub(super) fn finished(
    batch: &Batch,
    pair: &ListedPair,
    photos: &mut Contents,
) -> Option<Prediction> {
    let path = batch.record_path(pair);
    let mut finished: Finished = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
    let photos = [photos.of(pair.source_path())?, photos.of(pair.target_path())?];
    if finished.made != made(batch, pair, photos) {
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
        file.path = batch.folder.join(file.path.file_name()?);
    }
    Some(finished.prediction)
}

fn made(batch: &Batch, pair: &ListedPair, [source, target]: [Content; 2]) -> Made {
    Made {
        program: PROGRAM.to_owned(),
        settings: batch.settings.to_owned(),
        size: batch.resolution,
        source,
        target,
        keypoints: pair.keypoints.clone(),
    }
}

/// Takes back the word that a pair is complete, before its files change.
pub(super) fn forget(batch: &Batch, pair: &ListedPair) -> Result<()> {
    let path = batch.record_path(pair);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing the old `{}`", path.shown()))
        }
        _ => Ok(()),
    }
}

/// Says that the files of a pair are complete; `photos` is what they were made of.
pub(super) fn remember(
    batch: &Batch,
    pair: &ListedPair,
    photos: [Content; 2],
    prediction: &Prediction,
) -> Result<()> {
    let file = |((ending, _), written): (&(String, Format), &WrittenFile)| {
        let content = Content::of_file(&written.path)
            .with_context(|| format!("reading `{}` again", written.path.shown()))?;
        Ok((ending.clone(), content))
    };
    let finished = Finished {
        made: made(batch, pair, photos),
        files: batch.formats.iter().zip(&prediction.files).map(file).collect::<Result<_>>()?,
        prediction: prediction.clone(),
    };
    output::write(&batch.record_path(pair), |file| {
        serde_json::to_writer_pretty(&mut *file, &finished)?;
        Ok(std::io::Write::write_all(file, b"\n")?)
    })
}
