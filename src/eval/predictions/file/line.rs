//! One line of a prediction file: which pair it is about, and where that pair's keypoints lie.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::data::Pair;
use crate::data::flo;
use crate::data::lists::json::{self, Object};
use crate::data::lists::keys::{Key, Readings};
use crate::data::lists::points;
use crate::data::truth::Truth;
use crate::eval::dense::Dense;
use crate::eval::predictions::finder::{Found, PairFinder};
use crate::eval::predictions::record::{self, Record};
use crate::eval::predictions::{Prediction, pair_label};
use crate::eval::protocol::rules::MeasureFrame;
use crate::geometry::Point;
use crate::visible::Shown;

/// One line of a prediction file.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(with = "points::answers")]
    pub predicted: Option<Vec<Point>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Vec<Option<f64>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_256: Option<Vec<Point>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_512: Option<Vec<Point>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_840: Option<Vec<Point>>,
}

/// The parts of a line that say which pair it is about.
#[derive(Deserialize)]
struct About {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    target: Option<String>,
}

/// The keys of a line.
pub(super) const KEYS: [Key; 9] = [
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

/// The frames of which a file may hold points.
pub(super) const FRAMES: [MeasureFrame; 3] =
    [MeasureFrame::Stretched256, MeasureFrame::Paper512, MeasureFrame::Padded840];

/// How far off a point can be meant to lie, in sides of the photo; beyond, numbers end.
const FURTHEST: f64 = 1e6;

/// A line of which it is known which pair it is about.
pub(super) struct Asked<'a> {
    /// What it is about.
    pub found: Found,
    object: Object<'a>,
    record: Option<Record>,
}

impl<'a> Asked<'a> {
    /// Reads which pair a line is about.
    ///
    /// # Errors
    /// When it is no object, or names no pair of the dataset.
    pub(super) fn read(
        text: &'a str,
        finder: &PairFinder,
        readings: &mut Readings,
    ) -> Result<Self> {
        let mut object = json::object(text)?;
        let record = record::unfold(&mut object)?;
        readings.mend(&mut object, &KEYS);
        let keys = ["index", "source", "target"];
        let about = object.iter().filter(|(key, _)| keys.contains(&key.as_str()));
        let about: About = json::fill(about.map(|(key, value)| (key.clone(), *value)).collect())?;
        let found = finder.find(about.index, about.source.as_deref(), about.target.as_deref())?;
        Ok(Self { found, object, record })
    }

    /// What the line says of its pair; `folder` is where the flow lies that it names, which is not looked at without one.
    ///
    /// # Errors
    /// When it is no prediction for it.
    pub(super) fn prediction(self, pair: &Pair, folder: Option<&Path>) -> Result<Prediction> {
        let Self { mut object, record, .. } = self;
        if object.contains_key("flow") && !object.contains_key("predicted") {
            object.insert("predicted".to_owned(), serde_json::from_str("[]")?);
        }
        prediction(json::fill(object)?, record, pair, folder)
    }
}

/// The prediction that a line is.
fn prediction(
    line: Line,
    record: Option<Record>,
    pair: &Pair,
    folder: Option<&Path>,
) -> Result<Prediction> {
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
        return stored_flow(pair, file);
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
    let (side, label) = (pair.target.size.width.max(pair.target.size.height), pair_label(pair));
    for (number, point) in
        framed.values().chain([&predicted]).flat_map(|points| points.iter().enumerate())
    {
        ensure!(
            !point.is_finite() || point.x.abs().max(point.y.abs()) <= FURTHEST * side as f64,
            "{label}: point {number} lies at {:e}, {:e}, a million times as far off as its photo is large; `null` \
             stands for a point that was not found",
            point.x,
            point.y
        );
    }
    if let Some(confidence) = &line.confidence {
        let (expected, found) = (pair.source.keypoints.len(), confidence.len());
        ensure!(
            expected == found,
            "{label} has {expected} keypoints, but {found} values of confidence"
        );
        ensure!(
            confidence.iter().flatten().all(|value| (0.0..=1.0).contains(value)),
            "{label}: `confidence` is a number from 0 to 1 for each keypoint; leave the key out if it is anything else"
        );
        let lost = confidence.iter().zip(&predicted);
        if let Some(number) =
            lost.into_iter().position(|(value, point)| value.is_none() && point.is_finite())
        {
            bail!(
                "{label}: `confidence` of point {number} is null: only points that are null, not found, may lack it"
            );
        }
    }
    let confidence = line.confidence;
    Ok(Prediction { framed, confidence, ..Prediction::new(pair.index, predicted) })
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
