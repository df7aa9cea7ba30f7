//! What `lpmflow predict --pairs` says of a pair, read as a prediction: a line of its output, or the file that it keeps
//! beside a pair's results.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::data::Pair;
use crate::data::lists::json::{self, Object};
use crate::eval::predictions::pair_label;
use crate::geometry::{Point, Size};
use crate::visible::Shown;

/// Beyond this, in pixels, points are others.
const SAME: f64 = 1e-3;

/// What a line says of its pair beside what every prediction says.
#[derive(Deserialize)]
pub(super) struct Record {
    source_size: Size,
    target_size: Size,
    keypoints: Option<Moved>,
}

/// The keypoints that were moved.
#[derive(Deserialize)]
struct Moved {
    source: Vec<Point>,
}

/// The parts of a line that become keys of a prediction, as they are written.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    keypoints: Option<Target<'a>>,
    #[serde(borrow, default)]
    files: Vec<File<'a>>,
}

#[derive(Deserialize)]
struct Target<'a> {
    #[serde(borrow)]
    target: &'a RawValue,
    #[serde(borrow)]
    confidence: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    path: &'a RawValue,
}

/// The record that an object is, if it is one, whose answers get the names that they have in predictions.
///
/// # Errors
/// When the pair failed, or the record is damaged.
pub(super) fn unfold(object: &mut Object) -> Result<Option<Record>> {
    if !["status", "source_size", "target_size"].iter().all(|key| object.contains_key(*key)) {
        let failed = object.contains_key("status") && object.contains_key("error");
        ensure!(!failed, "`predict` failed on it: {}", object["error"].get());
        return Ok(None);
    }
    let only = |keys: &[&str]| -> Object {
        let kept = object.iter().filter(|(key, _)| keys.contains(&key.as_str()));
        kept.map(|(key, value)| (key.clone(), *value)).collect()
    };
    let parts: Parts = json::fill(only(&["keypoints", "files"]))?;
    let record = json::fill(only(&["source_size", "target_size", "keypoints"]))?;
    let is_flow = |file: &&File| file.path.get().trim_end_matches('"').ends_with(".flo");
    if let Some(keypoints) = parts.keypoints {
        object.insert("predicted".to_owned(), keypoints.target);
        let confidence =
            keypoints.confidence.map(|confidence| ("confidence".to_owned(), confidence));
        object.extend(confidence);
    } else if let Some(flow) = parts.files.iter().find(is_flow) {
        object.insert("flow".to_owned(), flow.path);
    } else {
        bail!(
            "it has neither keypoints nor a .flo file: give `predict` the list that `lpmflow datasets \
             export-pairs` writes, and --format flo where flows are asked for"
        );
    }
    Ok(Some(record))
}

impl Record {
    /// Ensures that the record is about a pair's own photos and keypoints.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn ensure_about(&self, pair: &Pair) -> Result<()> {
        let sizes = [self.source_size, self.target_size];
        ensure!(
            sizes == [pair.source.size, pair.target.size],
            "{} has photos of {} and {} pixels, but `predict` saw {} and {} (it turns photos by their EXIF \
             orientation; datasets are annotated on photos as they are: --exif ignore)",
            pair_label(pair),
            pair.source.size,
            pair.target.size,
            sizes[0],
            sizes[1]
        );
        let Some(Moved { source }) = &self.keypoints else { return Ok(()) };
        let keypoints = &pair.source.keypoints;
        let same = |(one, other): (&Point, &Point)| one.distance(*other) <= SAME;
        ensure!(
            source.len() == keypoints.len() && source.iter().zip(keypoints).all(same),
            "{} has other keypoints than those that `predict` was given",
            pair_label(pair)
        );
        Ok(())
    }
}

/// The records that `predict --pairs --output-dir` keeps in a folder, as lines of its output: each with its file's
/// name.
///
/// # Errors
/// When the folder or a record cannot be read, or there is none.
pub(super) fn of_folder(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut records = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_to_string(&path);
        let text = text.with_context(|| format!("reading `{}`", path.shown()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        records.extend(line(&text).map(|line| (name, line)));
    }
    ensure!(
        !records.is_empty(),
        "the folder holds no results: `lpmflow predict --pairs` leaves them with --output-dir"
    );
    records.sort();
    Ok(records)
}

/// The line of output that a record stands for, if the text is one.
fn line(text: &str) -> Option<String> {
    let kept: Kept = serde_json::from_str(text).ok()?;
    let mut line = kept.pair.unwrap_or_default();
    line.insert("status".to_owned(), "done".into());
    line.extend(kept.prediction);
    serde_json::to_string(&line).ok()
}

/// What a record keeps, as far as output has it too.
#[derive(Deserialize)]
struct Kept {
    #[serde(rename = "made")]
    _made: IgnoredAny,
    pair: Option<Map<String, Value>>,
    prediction: Map<String, Value>,
}
