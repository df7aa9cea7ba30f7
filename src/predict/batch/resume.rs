//! What an earlier run finished: beside the files of a pair lies `NAME.json`, written last, which says how
//! they were made.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::geometry::Point;
use crate::output;
use crate::predict::batch::list::Batch;
use crate::predict::correspondence::Resolution;
use crate::predict::keypoints::Keypoints;
use crate::predict::pair_list::ListedPair;
use crate::predict::record::Prediction;

/// How the files of a pair were made.
#[derive(Serialize, Deserialize)]
struct Finished {
    source: String,
    target: String,
    model: String,
    size: Resolution,
    formats: Vec<String>,
    prediction: Prediction,
}

/// What an earlier run found for a pair, if its files are complete, were made in the same way and are
/// younger than the photos.
pub(super) fn finished(batch: &Batch, pair: &ListedPair) -> Option<Prediction> {
    let path = batch.record_path(pair);
    let mut finished: Finished = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
    let keypoints = |keypoints: &Keypoints| keypoints.source.clone();
    let transferred: Option<Vec<Point>> =
        finished.prediction.keypoints.as_ref().map(|keypoints| keypoints.source.clone());
    let same = finished.source == pair.source
        && finished.target == pair.target
        && finished.model == batch.model
        && finished.size == batch.resolution
        && transferred == pair.keypoints.as_ref().map(keypoints);
    let complete = batch.plan(pair).outputs.iter().all(|output| output.path.is_file())
        && batch.formats.iter().all(|(ending, _)| finished.formats.contains(ending));
    let made = modified(&path)?;
    let younger = [pair.source_path(), pair.target_path()]
        .iter()
        .all(|photo| modified(photo).is_some_and(|changed| changed <= made));
    // The folder may have moved since.
    for file in &mut finished.prediction.files {
        file.path = batch.folder.join(file.path.file_name()?);
    }
    (same && complete && younger).then_some(finished.prediction)
}

/// Takes back the word that a pair is complete, before its files change.
pub(super) fn forget(batch: &Batch, pair: &ListedPair) -> Result<()> {
    let path = batch.record_path(pair);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing the old `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

/// Says that the files of a pair are complete.
pub(super) fn remember(batch: &Batch, pair: &ListedPair, prediction: &Prediction) -> Result<()> {
    let finished = Finished {
        source: pair.source.clone(),
        target: pair.target.clone(),
        model: batch.model.to_owned(),
        size: batch.resolution,
        formats: batch.formats.iter().map(|(ending, _)| ending.clone()).collect(),
        prediction: prediction.clone(),
    };
    output::write(&batch.record_path(pair), |file| {
        serde_json::to_writer_pretty(&mut *file, &finished)?;
        Ok(std::io::Write::write_all(file, b"\n")?)
    })
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
