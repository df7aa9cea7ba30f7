//! PF-WILLOW: a CSV list with ten keypoints of both images in every row (Ham et al. 2016).

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Fault, Problem, Record, checked, read_csv};
use crate::data::images::ImageSizes;
use crate::data::{AnnotatedImage, Pair};
use crate::geometry::Point;

/// Keypoints of an image.
const KEYPOINTS: usize = 10;

/// Columns that matter: two image names, then x and y of the first and of the second image.
const COLUMNS: usize = 2 + 4 * KEYPOINTS;

/// Reads the pairs of `list` (below `root`). Image names carry a first component that is no folder.
///
/// # Errors
/// When the list itself cannot be read; faults of single pairs are in the records.
pub fn read(root: &Path, list: &Path, sizes: &ImageSizes) -> Result<Vec<Record>> {
    let list = root.join(list);
    let rows = read_csv(&list)?;
    let record = |(index, (line, row)): (usize, (usize, Result<csv::StringRecord, csv::Error>))| {
        let fault = |fault, detail: String| Err(vec![Problem::of_line(fault, &list, line, detail)]);
        let row = match row {
            Ok(row) if row.len() >= COLUMNS => row,
            Ok(row) => {
                return fault(
                    Fault::WrongCount,
                    format!("{} columns instead of {COLUMNS}", row.len()),
                );
            }
            Err(error) => return fault(Fault::Unreadable, error.to_string()),
        };
        let numbers: Result<Vec<f64>, _> =
            row.iter().take(COLUMNS).skip(2).map(str::parse).collect();
        let numbers = match numbers {
            Ok(numbers) => numbers,
            Err(error) => return fault(Fault::Unreadable, format!("a coordinate: {error}")),
        };
        let side = |name: &str, numbers: &[f64]| {
            let (xs, ys) = numbers.split_at(KEYPOINTS);
            let path = root.join(below_first(name));
            sizes.of(&path).map(|size| AnnotatedImage {
                path,
                size,
                keypoints: xs.iter().zip(ys).map(|(&x, &y)| Point::new(x, y)).collect(),
                bounding_box: None,
            })
        };
        let (first, second) = numbers.split_at(2 * KEYPOINTS);
        match (side(&row[0], first), side(&row[1], second)) {
            (Ok(source), Ok(target)) => {
                let pair = Pair {
                    index,
                    category: category(&row[0]),
                    source,
                    target,
                    difficulty: None,
                    mirrored: false,
                };
                checked(pair, &list, Some(line))
            }
            (source, target) => Err([source.err(), target.err()].into_iter().flatten().collect()),
        }
    };
    Ok(rows.into_iter().enumerate().map(record).collect())
}

/// `PF-dataset/car(G)/Cars_006a.png` to `car(G)/Cars_006a.png`.
fn below_first(name: &str) -> PathBuf {
    name.split('/').skip(1).collect()
}

/// The folder an image lies in.
fn category(name: &str) -> String {
    name.rsplit('/').nth(1).unwrap_or_default().to_owned()
}
