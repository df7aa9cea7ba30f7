//! PF-PASCAL: a CSV list of pairs, one MATLAB annotation an image (Ham et al. 2018).

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use rayon::prelude::*;

use super::mat::Matrix;
use super::{Fault, Problem, Record, checked, mat, read_csv};
use crate::data::images::ImageSizes;
use crate::data::{AnnotatedImage, Pair};
use crate::geometry::{BoundingBox, Point};

/// What an image's annotation holds.
#[derive(Clone, Debug, PartialEq)]
struct Annotation {
    /// Every part of the category; `None` where it is not labelled in this image.
    keypoints: Vec<Option<Point>>,
    bounding_box: BoundingBox,
}

/// One row of a list.
struct Row {
    line: usize,
    images: [String; 2],
    category: String,
    mirrored: bool,
}

/// Reads the pairs of `list` (below `root`); `categories` are what the class numbers count, from 1.
/// A pair's keypoints are the parts labelled in both images. Whether a row's photos are to be mirrored
/// (column `flip`) counts in the training split alone, as in the authors' code.
///
/// # Errors
/// When the list itself cannot be read; faults of single pairs are in the records.
pub fn read(
    root: &Path,
    list: &Path,
    categories: &[String],
    is_training: bool,
    sizes: &ImageSizes,
) -> Result<Vec<Record>> {
    let list = root.join(list);
    let parsed = read_csv(&list)?.into_iter().map(|(line, row)| {
        row.map_err(|error| Problem::of_line(Fault::Unreadable, &list, line, error.to_string()))
            .and_then(|row| parse_row(&row, line, categories, is_training, &list))
    });
    let rows: Vec<Result<Row, Problem>> = parsed.collect();
    let annotations = read_annotations(root, &rows);
    let record = |(index, row): (usize, Result<Row, Problem>)| {
        let row = row.map_err(|problem| vec![problem])?;
        let known = row
            .images
            .each_ref()
            .map(|name| annotations[&(row.category.clone(), name.clone())].clone());
        let [source, target] = match known {
            [Ok(source), Ok(target)] => [source, target],
            [source, target] => {
                return Err([source.err(), target.err()].into_iter().flatten().collect());
            }
        };
        let both: Vec<[Point; 2]> = source
            .keypoints
            .iter()
            .zip(&target.keypoints)
            .filter_map(|(source, target)| Some([(*source)?, (*target)?]))
            .collect();
        let side = |which: usize, bounding_box| {
            let path = root.join("JPEGImages").join(&row.images[which]);
            let keypoints = both.iter().map(|points| points[which]).collect();
            sizes.of(&path).map(|size| AnnotatedImage {
                path,
                size,
                keypoints,
                bounding_box: Some(bounding_box),
            })
        };
        match (side(0, source.bounding_box), side(1, target.bounding_box)) {
            (Ok(source), Ok(target)) => {
                let (category, mirrored) = (row.category, row.mirrored);
                let pair = Pair { index, category, source, target, difficulty: None, mirrored };
                checked(pair, &list, Some(row.line))
            }
            (source, target) => Err([source.err(), target.err()].into_iter().flatten().collect()),
        }
    };
    Ok(rows.into_iter().enumerate().map(record).collect())
}

fn parse_row(
    row: &csv::StringRecord,
    line: usize,
    categories: &[String],
    is_training: bool,
    list: &Path,
) -> Result<Row, Problem> {
    let fault = |fault, detail: String| Problem::of_line(fault, list, line, detail);
    let columns: Vec<&str> = row.iter().collect();
    let &[source, target, class, ..] = columns.as_slice() else {
        return Err(fault(
            Fault::WrongCount,
            format!("{} columns instead of 3 or more", row.len()),
        ));
    };
    // Numbers may be written as `12` or `12.0`.
    let number = class.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && *number >= 1.0);
    let category = number.and_then(|number| categories.get(number as usize - 1));
    let Some(category) = category else {
        let detail = format!("`{class}` is no class; they count from 1 to {}", categories.len());
        return Err(fault(Fault::Unreadable, detail));
    };
    let base_name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let flip = columns.get(3).and_then(|flip| flip.parse::<f64>().ok());
    Ok(Row {
        line,
        images: [base_name(source), base_name(target)],
        category: category.clone(),
        mirrored: is_training && flip == Some(1.0),
    })
}

/// The annotations of all images that the rows name, each read once.
fn read_annotations(
    root: &Path,
    rows: &[Result<Row, Problem>],
) -> HashMap<(String, String), Result<Annotation, Problem>> {
    let mut wanted: Vec<(String, String)> = rows
        .iter()
        .flatten()
        .flat_map(|row| row.images.each_ref().map(|name| (row.category.clone(), name.clone())))
        .collect();
    wanted.sort();
    wanted.dedup();
    wanted
        .into_par_iter()
        .map(|(category, name)| {
            let mut file = root.join("Annotations").join(&category).join(&name);
            file.set_extension("mat");
            let annotation = read_annotation(&file);
            ((category, name), annotation)
        })
        .collect()
}

fn read_annotation(file: &Path) -> Result<Annotation, Problem> {
    let fault = |fault, detail: String| Problem::of_file(fault, file, detail);
    if !file.is_file() {
        return Err(fault(Fault::Missing, "no such annotation".into()));
    }
    let matrices =
        mat::read(file).map_err(|error| fault(Fault::Unreadable, format!("{error:#}")))?;
    let matrix = |name: &str| {
        let found = matrices.get(name);
        found.ok_or_else(|| fault(Fault::Unreadable, format!("it holds no matrix `{name}`")))
    };
    let points = matrix("kps")?;
    if points.columns != 2 {
        return Err(fault(
            Fault::WrongCount,
            format!("`kps` has {} columns instead of 2", points.columns),
        ));
    }
    let bounds = matrix("bbox")?;
    let &[x1, y1, x2, y2] = bounds.values.as_slice() else {
        return Err(fault(
            Fault::WrongCount,
            format!("`bbox` has {} values instead of 4", bounds.values.len()),
        ));
    };
    let keypoints = (0..points.rows).map(|row| labelled(points, row)).collect();
    Ok(Annotation { keypoints, bounding_box: BoundingBox { x1, y1, x2, y2 } })
}

/// The point of a row; parts that are not labelled are NaN.
fn labelled(points: &Matrix, row: usize) -> Option<Point> {
    let point = Point::new(points.at(row, 0), points.at(row, 1));
    (!point.x.is_nan() && !point.y.is_nan()).then_some(point)
}
