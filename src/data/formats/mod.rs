//! Annotation formats: files become pairs, one file per layout.

pub mod mat;
pub mod pf_pascal;
pub mod pf_willow;
pub mod spair71k;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::data::{AnnotatedImage, Pair};
use crate::geometry::{BoundingBox, Point};

/// How far an annotation may lie outside its image, in pixels: some benchmarks count from 1, and their
/// boxes end on the edge.
const TOLERANCE: f64 = 1.0;

/// What a record can suffer from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A file is missing.
    Missing,
    /// A file or record cannot be read.
    Unreadable,
    /// Too few or too many values.
    WrongCount,
    /// A coordinate is not a finite number.
    NotFinite,
    /// The image has another size than its annotation says.
    WrongSize,
    /// A box reaches beyond its image or is turned inside out.
    BoxOutside,
    /// A keypoint lies beyond its image.
    KeypointOutside,
}

impl Fault {
    /// What to call several faults of this kind.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Missing => "missing files",
            Self::Unreadable => "unreadable files or records",
            Self::WrongCount => "records with the wrong number of values",
            Self::NotFinite => "coordinates that are not finite numbers",
            Self::WrongSize => "images of another size than annotated",
            Self::BoxOutside => "boxes outside their image",
            Self::KeypointOutside => "keypoints outside their image",
        }
    }
}

/// One fault, and where it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    /// Of which kind.
    pub fault: Fault,
    /// The file that shows it.
    pub file: PathBuf,
    /// The line of that file, from 1, where it has lines.
    pub line: Option<usize>,
    /// What is wrong, in words.
    pub detail: String,
}

impl Problem {
    /// A fault of a whole file.
    pub fn of_file(fault: Fault, file: &Path, detail: impl Into<String>) -> Self {
        Self { fault, file: file.to_owned(), line: None, detail: detail.into() }
    }

    /// A fault of one line.
    pub fn of_line(fault: Fault, file: &Path, line: usize, detail: impl Into<String>) -> Self {
        Self { fault, file: file.to_owned(), line: Some(line), detail: detail.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {}", self.detail)
    }
}

/// One record of a list: a pair, or what is wrong with it.
pub type Record = Result<Pair, Vec<Problem>>;

/// A text file without its byte order mark.
///
/// # Errors
/// When the file cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The rows of a CSV list with their line numbers, its header left out. Rows may have surplus columns;
/// blank lines are passed over.
///
/// # Errors
/// When the file cannot be read.
fn read_csv(path: &Path) -> Result<Vec<(usize, Result<csv::StringRecord, csv::Error>)>> {
    let text = read_text(path)?;
    // Line by line: the CSV reader's own count is one off after blank lines and after `\r\n`.
    let row = |line: &str| {
        let mut row = csv::StringRecord::new();
        csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(line.as_bytes())
            .read_record(&mut row)
            .map(|_| row)
    };
    Ok(lines(&text).skip(1).map(|(number, line)| (number, row(line))).collect())
}

/// The lines that are not blank, trimmed, with their numbers from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty())
}

/// The last parts of a listed path, whichever way its slashes lean: what comes before them differs
/// between copies of a list and is no folder of the dataset.
fn last_parts<const N: usize>(listed: &str) -> Option<[&str; N]> {
    let mut parts: Vec<&str> = listed.rsplit(['/', '\\']).take(N).collect();
    parts.reverse();
    <[&str; N]>::try_from(parts).ok().filter(|parts| parts.iter().all(|part| !part.is_empty()))
}

/// What is wrong with one photo's annotation, given the record it comes from.
fn check_side(side: &AnnotatedImage, file: &Path, line: Option<usize>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let name = side.path.file_name().unwrap_or_default().to_string_lossy();
    let mut push =
        |fault, detail| problems.push(Problem { fault, file: file.to_owned(), line, detail });
    let (width, height) = (side.size.width as f64, side.size.height as f64);
    let inside = |point: Point| {
        (-TOLERANCE..=width - 1.0 + TOLERANCE).contains(&point.x)
            && (-TOLERANCE..=height - 1.0 + TOLERANCE).contains(&point.y)
    };
    for (index, point) in side.keypoints.iter().enumerate() {
        if !point.is_finite() {
            push(Fault::NotFinite, format!("keypoint {index} of {name}"));
        } else if !inside(*point) {
            let Point { x, y } = point;
            push(
                Fault::KeypointOutside,
                format!("keypoint {index} ({x}, {y}) of {name}, {width}x{height}"),
            );
        }
    }
    if let Some(bounds) = side.bounding_box {
        let BoundingBox { x1, y1, x2, y2 } = bounds;
        if ![x1, y1, x2, y2].into_iter().all(f64::is_finite) {
            push(Fault::NotFinite, format!("the box of {name}"));
        } else if !inside(Point::new(x1, y1)) || !inside(Point::new(x2, y2)) || x2 <= x1 || y2 <= y1
        {
            push(
                Fault::BoxOutside,
                format!("box {x1}, {y1}, {x2}, {y2} of {name}, {width}x{height}"),
            );
        }
    }
    problems
}

/// The pair, unless one of its sides is at fault.
fn checked(pair: Pair, file: &Path, line: Option<usize>) -> Record {
    let mut problems = check_side(&pair.source, file, line);
    problems.extend(check_side(&pair.target, file, line));
    let [sources, targets] = [&pair.source, &pair.target].map(|side| side.keypoints.len());
    if sources != targets || sources == 0 {
        let detail = format!("{sources} source and {targets} target keypoints");
        problems.push(Problem { fault: Fault::WrongCount, file: file.to_owned(), line, detail });
    }
    if problems.is_empty() { Ok(pair) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_any_line_end_and_with_a_byte_order_mark_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        for text in
            ["a,b\n1,2\n\n3, 4,5\n", "\u{feff}a,b\r\n1,2\r\n\r\n3,4,5", "a,b\n1,2 \n \n3,4,5"]
        {
            fs::write(&path, text).unwrap();
            let rows = read_csv(&path).unwrap();
            let numbers: Vec<usize> = rows.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, [2, 4], "{text:?}");
            assert_eq!(rows[0].1.as_ref().unwrap(), vec!["1", "2"]);
            assert_eq!(rows[1].1.as_ref().unwrap(), vec!["3", "4", "5"]);
        }
        fs::write(&path, b"\xff\xfe\x00").unwrap();
        assert!(read_csv(&path).is_err());
    }

    #[test]
    fn listed_paths_count_from_their_end() {
        assert_eq!(last_parts("PF-dataset/car(G)/a.png"), Some(["car(G)", "a.png"]));
        assert_eq!(last_parts("car(G)\\a.png"), Some(["car(G)", "a.png"]));
        assert_eq!(last_parts::<2>("a.png"), None);
        assert_eq!(last_parts::<1>("folder/"), None);
    }
}
