//! Prediction files.
//!
//! One JSON object a line (or all in one array): `source` and `target` (image files, from the end as far as
//! needed), or `index` (position in the split's list, from 0), or all three; `predicted`: `[[x, y], ...]` in
//! original target pixels, one per source keypoint in the dataset's order; where the truth is a flow or outlines, `flow` instead:
//! a `.flo` file, from the folder of this one; `confidence`, if there is any: how sure each point is, 0 to 1, or `null` as
//! the point. Other keys are ignored, but
//! for `predicted_512`, which this tool adds: the same keypoints moved by the authors' rule, in the
//! target's 512 frame (see [`crate::eval::transfer`]), so that `paper` scores the file as it scored the
//! flow; and `predicted_256` and `predicted_840`, likewise for the protocols that move whole pixels of the 256 frame and
//! patch centres of the 840 frame. A point that was not found is `null`, and all of a pair are where `predicted` is.
//! Lines of `lpmflow predict --pairs`, and the folder that it writes, are read as well ([`record`]).

mod line;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::data::Pair;
use crate::data::lists::bytes;
use crate::data::lists::encoding::decode_meaning;
use crate::data::lists::json::{self, looks_like_json};
use crate::data::lists::keys::Readings;
use crate::eval::predictions::finder::{Found, PairFinder};
use crate::eval::predictions::{Prediction, image_name, pair_label, record};
use crate::eval::problems::Problems;
use crate::eval::protocol::rules::MeasureFrame;
use crate::output;
use crate::spelling::counted;
use crate::visible::{Shown, visible};
use line::{Asked, FRAMES, KEYS, Line};

/// What to do with a file as GeoAware-SC keeps it.
const PICKLE: &str = "Python's pickles are not read: scripts/examples/geoaware.py turns the results of GeoAware-SC's \
                      evaluator into JSON lines";

/// What predictions are passed over for.
const LEFT_OUT: &str = "pairs that were left out of the dataset as unusable";

/// What a file holds for a split's pairs.
#[derive(Debug)]
pub(crate) struct Stored {
    /// In the order of the pairs.
    pub predictions: Vec<Prediction>,
    /// What is wrong with the lines that are left out.
    pub unusable: Problems,
    /// The indices of the pairs that have no prediction because of that.
    pub refused: Vec<usize>,
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
/// file is called `-`; with `skip_bad`, lines that are none are left out. Those for pairs that are `left_out` of the
/// dataset, by their indices, are passed over.
///
/// # Errors
/// When the file cannot be read or holds no prediction, or, without `skip_bad`, any line is not a prediction for
/// exactly one of the pairs with one finite point per keypoint, or two lines are for the same pair; the problems
/// are listed with their line numbers.
pub(crate) fn read(
    path: &Path,
    pairs: &[Pair],
    left_out: &[usize],
    root: &Path,
    skip_bad: bool,
) -> Result<Stored> {
    let attempt = || -> Result<Stored> {
        let finder = PairFinder::new(pairs, left_out, root);
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
fn meaning(text: &str, finder: &PairFinder) -> Option<Vec<(Found, Option<Prediction>)>> {
    let mut readings = Readings::default();
    let items = json::items(text, &KEYS.map(|key| key.name)).ok()?.into_iter();
    let mut said = |text| -> Result<(Found, Option<Prediction>)> {
        let asked = Asked::read(text, finder, &mut readings)?;
        let found = asked.found;
        let Found::Pair(position) = found else { return Ok((found, None)) };
        Ok((found, Some(asked.prediction(&finder.pairs[position], None)?)))
    };
    items.map(|item| said(item.text).ok()).collect()
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
    let (mut refused, mut passed_over) = (BTreeSet::new(), 0);
    for (place, text) in items {
        let mut accept = || -> Result<()> {
            let asked = Asked::read(text, finder, &mut readings)?;
            let Found::Pair(position) = asked.found else {
                passed_over += 1;
                return Ok(());
            };
            let prediction = asked.prediction(&pairs[position], folder);
            let prediction = prediction.inspect_err(|_| _ = refused.insert(position))?;
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
    let refused = refused.into_iter().filter(|position| found[*position].is_none());
    let refused = refused.map(|position| pairs[position].index).collect();
    let mut predictions: Vec<Prediction> =
        found.into_iter().flatten().map(|(_, prediction)| prediction).collect();
    if predictions.is_empty() {
        ensure!(unusable.is_empty(), "no line can be used: {unusable}");
        ensure!(passed_over == 0, "the file holds predictions only for {LEFT_OUT}");
        bail!("the file holds no predictions");
    }
    // One protocol must not mix two rules.
    for frame in FRAMES {
        if predictions.iter().any(|prediction| prediction.framed(frame).is_none()) {
            predictions.iter_mut().for_each(|prediction| drop(prediction.framed.remove(&frame)));
        }
    }
    let mut notes = readings.notes();
    notes
        .extend((passed_over > 0).then(|| {
            format!("passed over: {} for {LEFT_OUT}", counted(passed_over, "prediction"))
        }));
    Ok(Stored { predictions, unusable, refused, notes, sha256: String::new() })
}

#[cfg(test)]
mod tests;
