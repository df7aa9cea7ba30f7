//! Prediction files.
//!
//! One JSON object a line: `source` and `target` (image files, from the end as far as needed), or
//! `index` (position in the split's list, from 0), or all three; `predicted`: `[[x, y], ...]` in
//! original target pixels, one per source keypoint in the dataset's order. Other keys are ignored, but
//! for `predicted_512`, which this tool adds: the same keypoints moved by the authors' rule, in the
//! target's 512 frame (see [`crate::eval::transfer`]), so that `paper` scores the file as it scored the
//! flow.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::data::Pair;
use crate::eval::predictions::finder::PairFinder;
use crate::eval::predictions::{Prediction, image_name, pair_label};
use crate::geometry::Point;

/// How many problems of a file are shown.
const SHOWN_PROBLEMS: usize = 10;

/// One line of a prediction file.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    predicted: Vec<Point>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predicted_512: Option<Vec<Point>>,
}

/// Writes predictions as JSON lines.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(path: &Path, pairs: &[&Pair], predictions: &[Prediction]) -> Result<()> {
    atomic::write(path, |file| {
        for (pair, prediction) in pairs.iter().zip(predictions) {
            let line = Line {
                index: Some(pair.index),
                source: Some(image_name(&pair.source.path)),
                target: Some(image_name(&pair.target.path)),
                predicted: prediction.points.clone(),
                predicted_512: prediction.paper_points.clone(),
            };
            serde_json::to_writer(&mut *file, &line)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })
}

/// Reads predictions for some or all of a split's `pairs`, and returns them in the order of `pairs`.
///
/// # Errors
/// When the file cannot be read, or any line is not a prediction for exactly one of the pairs with one
/// finite point per keypoint, or two lines are for the same pair; the problems are listed with their
/// line numbers.
pub(crate) fn read(path: &Path, pairs: &[Pair]) -> Result<Vec<Prediction>> {
    let attempt = || {
        let mut lines = BufReader::new(File::open(path)?).lines().enumerate();
        read_lines(&mut lines.by_ref().map(|(number, line)| (number + 1, line)), pairs)
    };
    attempt().with_context(|| format!("reading predictions `{}`", path.display()))
}

fn read_lines(
    lines: &mut dyn Iterator<Item = (usize, std::io::Result<String>)>,
    pairs: &[Pair],
) -> Result<Vec<Prediction>> {
    let finder = PairFinder::new(pairs);
    let mut found: Vec<Option<(usize, Prediction)>> = vec![None; pairs.len()];
    let mut problems = Vec::new();
    for (number, line) in lines {
        let line = line.with_context(|| format!("line {number}"))?;
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() {
            continue;
        }
        let mut accept = || -> Result<()> {
            let (position, prediction) = parse(line, &finder)?;
            if let Some((earlier, _)) = &found[position] {
                bail!("{} was already predicted in line {earlier}", pair_label(&pairs[position]));
            }
            found[position] = Some((number, prediction));
            Ok(())
        };
        if let Err(error) = accept() {
            problems.push(format!("line {number}: {error:#}"));
        }
    }
    if !problems.is_empty() {
        let count = problems.len();
        problems.truncate(SHOWN_PROBLEMS);
        if count > SHOWN_PROBLEMS {
            problems.push(format!("and {} more", count - SHOWN_PROBLEMS));
        }
        let plural = if count == 1 { "line is" } else { "lines are" };
        bail!("{count} {plural} unusable:\n  {}", problems.join("\n  "));
    }
    let mut predictions: Vec<Prediction> =
        found.into_iter().flatten().map(|(_, prediction)| prediction).collect();
    ensure!(!predictions.is_empty(), "the file holds no predictions");
    // One protocol must not mix two rules.
    if predictions.iter().any(|prediction| prediction.paper_points.is_none()) {
        predictions.iter_mut().for_each(|prediction| prediction.paper_points = None);
    }
    Ok(predictions)
}

/// The pair's position in the list, and its prediction.
fn parse(line: &str, finder: &PairFinder) -> Result<(usize, Prediction)> {
    let line: Line = serde_json::from_str(line).map_err(|error| {
        let hint = match line.contains("NaN") || line.contains("Infinity") {
            true => " (NaN and Infinity are not positions)",
            false => "",
        };
        // Each line is a document of its own, so its "line 1" would mislead.
        let error = error.to_string().replace("at line 1 column", "at column");
        anyhow::anyhow!("{error}{hint}")
    })?;
    let position = finder.find(line.index, line.source.as_deref(), line.target.as_deref())?;
    let pair = &finder.pairs[position];
    for points in [Some(&line.predicted), line.predicted_512.as_ref()].into_iter().flatten() {
        let (expected, found) = (pair.source.keypoints.len(), points.len());
        let label = pair_label(pair);
        ensure!(
            expected == found,
            "{label} has {expected} keypoints, but {found} predicted points"
        );
    }
    let prediction =
        Prediction { pair: pair.index, points: line.predicted, paper_points: line.predicted_512 };
    Ok((position, prediction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::pair;

    fn pairs() -> Vec<Pair> {
        let names =
            [("dog/a.jpg", "dog/b.jpg"), ("dog/b.jpg", "dog/a.jpg"), ("cat/a.jpg", "cat/b.jpg")];
        let numbered = |(index, (source, target)): (usize, (&str, &str))| {
            let mut pair = pair(&[(1.0, 1.0), (2.0, 2.0)], &[(3.0, 3.0), (4.0, 4.0)]);
            pair.index = index;
            pair.source.path = Path::new("/data/JPEGImages").join(source);
            pair.target.path = Path::new("/data/JPEGImages").join(target);
            pair
        };
        names.into_iter().enumerate().map(numbered).collect()
    }

    fn read_text(text: &str) -> Result<Vec<Prediction>> {
        let mut lines = text.lines().map(|line| Ok(line.to_owned())).zip(1..).map(|(l, n)| (n, l));
        read_lines(&mut lines, &pairs())
    }

    fn problem(text: &str) -> String {
        format!("{:#}", read_text(text).unwrap_err())
    }

    #[test]
    fn pairs_are_found_by_names_or_index_in_any_order() {
        let read = read_text(
            "\u{feff}{\"index\": 1, \"predicted\": [[5, 6], [7, 8.5]], \"note\": \"ignored\"}\r\n\n\
             {\"source\": \"dog/a\", \"target\": \"dog/b.jpg\", \"predicted\": [[0, 0], [1, 1]]}",
        )
        .unwrap();
        assert_eq!(read.iter().map(|prediction| prediction.pair).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(read[1].points, [Point::new(5.0, 6.0), Point::new(7.0, 8.5)]);
    }

    #[test]
    fn written_predictions_are_read_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.jsonl");
        let pairs = pairs();
        let third = 1.0 / 3.0;
        let prediction = |pair: &Pair| Prediction {
            pair: pair.index,
            points: vec![Point::new(third, -0.1); 2],
            paper_points: Some(vec![Point::new(1e-9, 511.7 * third); 2]),
        };
        let predictions: Vec<_> = pairs.iter().map(prediction).collect();
        write(&path, &pairs.iter().collect::<Vec<_>>(), &predictions).unwrap();
        assert_eq!(read(&path, &pairs).unwrap(), predictions);
    }

    #[test]
    fn paper_points_count_only_when_every_line_has_them() {
        let with =
            r#"{"index": 0, "predicted": [[1, 1], [1, 1]], "predicted_512": [[1, 1], [1, 1]]}"#;
        let without = r#"{"index": 1, "predicted": [[1, 1], [1, 1]]}"#;
        let read = read_text(&format!("{with}\n{without}")).unwrap();
        assert!(read.iter().all(|prediction| prediction.paper_points.is_none()));
        assert!(read_text(with).unwrap()[0].paper_points.is_some());
    }

    #[test]
    fn unusable_lines_are_listed_together_with_their_numbers() {
        let text = problem(
            "{\"index\": 0, \"predicted\": [[1, 1]]}\n\
             {\"index\": 7, \"predicted\": []}\n\
             {\"index\": 1, \"predicted\": [[1, 1], [NaN, 1]]}\n\
             {\"index\": 1, \"predicted\": [[1, 1], [2, 1]]}\n\
             {\"index\": 1, \"predicted\": [[1, 1], [2, 1]]}\n\
             {\"predicted\": [[1, 1], [2, 1]]}\n\
             {\"source\": \"a.jpg\", \"target\": \"b.jpg\", \"predicted\": [[1, 1], [2, 1]]}\n\
             {\"source\": \"a.jpg\", \"target\": \"x.jpg\", \"predicted\": [[1, 1], [2, 1]]}\n\
             {\"index\": 0, \"source\": \"dog/b\", \"target\": \"a\", \"predicted\": [[1, 1], [2, 1]]}",
        );
        for expected in [
            "8 lines are unusable",
            "line 1: pair 0 (`dog/a.jpg` -> `dog/b.jpg`) has 2 keypoints, but 1 predicted points",
            "line 2: the split has no pair 7 (it has 3)",
            "line 3: expected value at column 37 (NaN and Infinity are not positions)",
            "line 5: pair 1 (`dog/b.jpg` -> `dog/a.jpg`) was already predicted in line 4",
            "line 6: either `index`, or `source` and `target`, must say which pair",
            "line 7: several pairs are `a.jpg` -> `b.jpg`: give more of the paths, or `index`",
            "line 8: the split has no pair `a.jpg` -> `x.jpg`",
            "line 9: the line is about `dog/b` -> `a`, but its `index` about pair 0",
        ] {
            assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
        }
    }

    #[test]
    fn file_without_predictions_is_an_error() {
        assert!(problem("\n\n").contains("holds no predictions"));
    }
}
