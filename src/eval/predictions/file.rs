//! Prediction files.
//!
//! One JSON object a line (or all in one array): `source` and `target` (image files, from the end as far as
//! needed), or `index` (position in the split's list, from 0), or all three; `predicted`: `[[x, y], ...]` in
//! original target pixels, one per source keypoint in the dataset's order; where the truth is a flow or outlines, `flow` instead:
//! a `.flo` file, from the folder of this one; `confidence`, if there is any: how sure each point is, 0 to 1. Other keys are ignored, but
//! for `predicted_512`, which this tool adds: the same keypoints moved by the authors' rule, in the
//! target's 512 frame (see [`crate::eval::transfer`]), so that `paper` scores the file as it scored the
//! flow; and `predicted_256` and `predicted_840`, likewise for the protocols that move whole pixels of the 256 frame and
//! patch centres of the 840 frame. A point that was not found is `null`, and all of a pair are where `predicted` is.
//! Lines of `lpmflow predict --pairs`, and the folder that it writes, are read as well ([`record`]).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::data::Pair;
use crate::data::flo;
use crate::data::lists::bytes;
use crate::data::lists::encoding::decode_meaning;
use crate::data::lists::json::{self, looks_like_json};
use crate::data::lists::keys::{Key, Readings};
use crate::data::lists::points;
use crate::data::truth::Truth;
use crate::eval::dense::Dense;
use crate::eval::predictions::finder::PairFinder;
use crate::eval::predictions::{Prediction, image_name, pair_label, record};
use crate::eval::problems::Problems;
use crate::eval::protocol::rules::MeasureFrame;
use crate::geometry::Point;
use crate::output;
use crate::visible::{Shown, visible};

/// One line of a prediction file.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(with = "points::answers")]
    predicted: Option<Vec<Point>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confidence: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flow: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predicted_256: Option<Vec<Point>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predicted_512: Option<Vec<Point>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predicted_840: Option<Vec<Point>>,
}

/// The keys of a line.
const KEYS: [Key; 9] = [
    Key { name: "index", also: &["idx", "pair_index", "pair_id"] },
    Key { name: "source", also: &["src", "source_image", "src_image", "src_imname"] },
    Key { name: "target", also: &["trg", "tgt", "target_image", "trg_image", "trg_imname"] },
    Key { name: "predicted", also: &["prediction", "predictions", "pred", "predicted_keypoints"] },
    Key { name: "confidence", also: &["confidences"] },
    Key { name: "flow", also: &["flow_file", "predicted_flow"] },
    Key { name: "predicted_256", also: &[] },
    Key { name: "predicted_512", also: &[] },
    Key { name: "predicted_840", also: &[] },
];

/// What to do with a file as GeoAware-SC keeps it.
const PICKLE: &str = "Python's pickles are not read: scripts/examples/geoaware.py turns the results of GeoAware-SC's \
                      evaluator into JSON lines";

/// The frames of which a file may hold points.
const FRAMES: [MeasureFrame; 3] =
    [MeasureFrame::Stretched256, MeasureFrame::Paper512, MeasureFrame::Padded840];

/// What a file holds for a split's pairs.
#[derive(Debug)]
pub(crate) struct Stored {
    /// In the order of the pairs.
    pub predictions: Vec<Prediction>,
    /// What is wrong with the lines that are left out.
    pub unusable: Problems,
    /// What was read otherwise than it stands there.
    pub notes: Vec<String>,
    /// SHA-256 of the file, which may be a pipe that cannot be read again, in hexadecimal.
    pub sha256: String,
}

/// Writes predictions as JSON lines.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(path: &Path, pairs: &[&Pair], predictions: &[Prediction]) -> Result<()> {
    output::write(path, |file| {
        for (pair, prediction) in pairs.iter().zip(predictions) {
            let framed = |frame| prediction.framed.get(&frame).cloned();
            let line = Line {
                index: Some(pair.index),
                source: Some(image_name(&pair.source.path)),
                target: Some(image_name(&pair.target.path)),
                predicted: Some(prediction.points.clone()),
                confidence: prediction.confidence.clone(),
                flow: None,
                predicted_256: framed(MeasureFrame::Stretched256),
                predicted_512: framed(MeasureFrame::Paper512),
                predicted_840: framed(MeasureFrame::Padded840),
            };
            serde_json::to_writer(&mut *file, &line)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })
}

/// Reads predictions for some or all of a split's `pairs`, whose dataset lies in `root`, from standard input if the
/// file is called `-`; with `skip_bad`, lines that are none are left out.
///
/// # Errors
/// When the file cannot be read or holds no prediction, or, without `skip_bad`, any line is not a prediction for
/// exactly one of the pairs with one finite point per keypoint, or two lines are for the same pair; the problems
/// are listed with their line numbers.
pub(crate) fn read(path: &Path, pairs: &[Pair], root: &Path, skip_bad: bool) -> Result<Stored> {
    let attempt = || -> Result<Stored> {
        let finder = PairFinder::new(pairs, root);
        if path.is_dir() {
            return read_folder(path, &finder, skip_bad);
        }
        // A pipe lies in no folder that the paths could mean.
        let folder = path.parent().filter(|_| path.is_file()).unwrap_or(Path::new(""));
        let bytes = bytes::read_or_stdin(path).map_err(|error| match path.extension() {
            Some(extension) if extension == "pkl" => error.context(PICKLE),
            _ => error,
        })?;
        let sha256 = hexadecimal(Sha256::digest(&bytes).as_slice());
        let (text, code_page) = decode_meaning(bytes, |text| meaning(text, &finder))?;
        let mut stored = Stored { sha256, ..parse(&text, &finder, skip_bad, Some(folder))? };
        stored.notes.extend(code_page.map(|name| format!("the file is read as {name}")));
        Ok(stored)
    };
    attempt().with_context(|| format!("reading predictions `{}`", path.shown()))
}

/// As [`read`], of the results that `predict --pairs` left in a folder.
fn read_folder(folder: &Path, finder: &PairFinder, skip_bad: bool) -> Result<Stored> {
    let records = record::of_folder(folder)?;
    let mut hash = Sha256::new();
    records.iter().for_each(|(_, text)| hash.update(text));
    let items = records.iter().map(|(name, text)| (format!("`{}`", visible(name)), &**text));
    let stored = gather(items, finder, skip_bad, Some(folder))?;
    Ok(Stored { sha256: hexadecimal(hash.finalize().as_slice()), ..stored })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a text says, if each of its lines is a prediction.
fn meaning(text: &str, finder: &PairFinder) -> Option<Vec<(usize, Prediction)>> {
    let mut readings = Readings::default();
    let items = json::items(text, &KEYS.map(|key| key.name)).ok()?.into_iter();
    items.map(|item| prediction(item.text, finder, &mut readings, None).ok()).collect()
}

/// What a text holds; `folder` is where the flows that it names lie, which are not looked at without one.
fn parse(text: &str, finder: &PairFinder, skip_bad: bool, folder: Option<&Path>) -> Result<Stored> {
    ensure!(
        text.trim().is_empty() || looks_like_json(text),
        "it is no JSON: expected {{\"source\": \"FILE\", \"target\": \"FILE\", \"predicted\": [[x, y], ...]}} for \
         each pair, one a line or all in an array"
    );
    let items = json::items(text, &KEYS.map(|key| key.name))?;
    let items = items.into_iter().map(|item| (format!("line {}", item.line), item.text));
    gather(items, finder, skip_bad, folder)
}

/// What items hold, each with where it stands.
fn gather<'a>(
    items: impl Iterator<Item = (String, &'a str)>,
    finder: &PairFinder,
    skip_bad: bool,
    folder: Option<&Path>,
) -> Result<Stored> {
    let pairs = finder.pairs;
    let mut found: Vec<Option<(String, Prediction)>> = vec![None; pairs.len()];
    let (mut unusable, mut readings) = (Problems::with("unusable line"), Readings::default());
    for (place, text) in items {
        let mut accept = || -> Result<()> {
            let (position, prediction) = prediction(text, finder, &mut readings, folder)?;
            if let Some((earlier, _)) = &found[position] {
                bail!("{} was already predicted in {earlier}", pair_label(&pairs[position]));
            }
            found[position] = Some((place.clone(), prediction));
            Ok(())
        };
        if let Err(error) = accept() {
            unusable.push(|| format!("{place}: {error:#}"));
        }
    }
    if !skip_bad {
        unusable.ensure_none()?;
    }
    let mut predictions: Vec<Prediction> =
        found.into_iter().flatten().map(|(_, prediction)| prediction).collect();
    if predictions.is_empty() {
        ensure!(unusable.is_empty(), "no line can be used: {unusable}");
        bail!("the file holds no predictions");
    }
    // One protocol must not mix two rules.
    for frame in FRAMES {
        if predictions.iter().any(|prediction| prediction.framed(frame).is_none()) {
            predictions.iter_mut().for_each(|prediction| drop(prediction.framed.remove(&frame)));
        }
    }
    Ok(Stored { predictions, unusable, notes: readings.notes(), sha256: String::new() })
}

/// The pair's position in the list, and its prediction.
fn prediction(
    text: &str,
    finder: &PairFinder,
    readings: &mut Readings,
    folder: Option<&Path>,
) -> Result<(usize, Prediction)> {
    let mut object = json::object(text)?;
    let record = record::unfold(&mut object)?;
    readings.mend(&mut object, &KEYS);
    if object.contains_key("flow") && !object.contains_key("predicted") {
        object.insert("predicted".to_owned(), serde_json::from_str("[]")?);
    }
    let line: Line = json::fill(object)?;
    let position = finder.find(line.index, line.source.as_deref(), line.target.as_deref())?;
    let pair = &finder.pairs[position];
    if let Some(record) = &record {
        record.ensure_about(pair)?;
    }
    if pair.truth != Truth::Keypoints {
        let flow = line.flow.and_then(|flow| serde_json::from_str::<String>(flow.get()).ok());
        let flow = flow.with_context(|| {
            format!("{} is measured at every pixel: `flow` must name a flow", pair_label(pair))
        })?;
        let file = folder.map(|folder| match record {
            Some(_) => written_file(folder, Path::new(&flow)),
            None => folder.join(flow),
        });
        return Ok((position, stored_flow(pair, file)?));
    }
    let framed =
        FRAMES.into_iter().zip([line.predicted_256, line.predicted_512, line.predicted_840]);
    let framed: BTreeMap<_, _> =
        framed.filter_map(|(frame, points)| Some((frame, points?))).collect();
    let nowhere = || vec![Point::NOWHERE; pair.source.keypoints.len()];
    let predicted = line.predicted.unwrap_or_else(nowhere);
    for points in framed.values().chain([&predicted]) {
        let (expected, found) = (pair.source.keypoints.len(), points.len());
        let label = pair_label(pair);
        ensure!(
            expected == found,
            "{label} has {expected} keypoints, but {found} predicted points"
        );
    }
    if let Some(confidence) = &line.confidence {
        let (expected, found, label) =
            (pair.source.keypoints.len(), confidence.len(), pair_label(pair));
        ensure!(
            expected == found,
            "{label} has {expected} keypoints, but {found} values of confidence"
        );
        ensure!(
            confidence.iter().all(|value| (0.0..=1.0).contains(value)),
            "{label}: `confidence` is a number from 0 to 1 for each keypoint; leave the key out if it is anything else"
        );
    }
    let confidence = line.confidence;
    let prediction = Prediction { framed, confidence, ..Prediction::new(pair.index, predicted) };
    Ok((position, prediction))
}

/// A file that `predict` wrote, which its record names from where it ran: as it is named, or by its name alone where
/// the record lies.
fn written_file(folder: &Path, named: &Path) -> PathBuf {
    let beside = named.file_name().map(|name| folder.join(name)).filter(|file| file.is_file());
    beside.unwrap_or_else(|| named.to_owned())
}

/// The prediction that a flow on the pixels of the source photo is, if the file is to be read.
fn stored_flow(pair: &Pair, file: Option<PathBuf>) -> Result<Prediction> {
    let Some(file) = file else { return Ok(Prediction::new(pair.index, Vec::new())) };
    let flow = flo::read(&file)?;
    let (grid, photo) = (flow.size, pair.source.size);
    ensure!(
        grid == photo,
        "`{}` has {grid} pixels, but the source of {} has {photo}: a flow lies on these, in pixels of the target",
        file.shown(),
        pair_label(pair)
    );
    let matched = |point: Point| {
        // The corners of an outline may lie anywhere; beside a pixel may be what is no number.
        let (row, column) = (point.y as usize, point.x as usize);
        let is_pixel = point == Point::new(column as f64, row as f64)
            && row < flow.size.height
            && column < flow.size.width;
        let step = if is_pixel { flow.at(row, column) } else { flow.sample(point) };
        Point::new(point.x + step.x, point.y + step.y)
    };
    let points = pair.source.keypoints.iter().map(|pixel| matched(*pixel)).collect();
    Ok(Prediction { dense: Dense::new(pair, matched)?, ..Prediction::new(pair.index, points) })
}

#[cfg(test)]
mod tests;
