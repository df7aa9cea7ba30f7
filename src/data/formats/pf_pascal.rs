//! PF-PASCAL: a CSV list of pairs, one MATLAB annotation an image (Ham et al. 2018).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rayon::prelude::*;

use crate::data::formats::check::checked;
use crate::data::formats::mat::{self, Matrix};
use crate::data::formats::text::{last_parts, read_csv};
use crate::data::formats::{Annotations, Contents, Format, Request};
use crate::data::parts::Part;
use crate::data::problem::{Fault, Problem};
use crate::data::truth::{Truth, TruthKind};
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
#[derive(Debug, PartialEq)]
struct Row {
    line: usize,
    images: [String; 2],
    category: String,
    mirrored: bool,
}

/// The split whose list says which photos are to be mirrored.
const TRAINING_SPLIT: &str = "trn";

/// The layout.
#[derive(Debug)]
pub(crate) struct PfPascal;

impl Format for PfPascal {
    fn name(&self) -> &'static str {
        "pf-pascal"
    }

    fn annotations(&self) -> Annotations {
        Annotations { object_boxes: true, truth: TruthKind::Keypoints }
    }

    fn read(&self, request: &Request) -> Result<Contents> {
        read(request)
    }
}

/// An image that has an annotation: its category and its file's name.
type AnnotatedName = (String, String);

/// A pair's keypoints are the parts labelled in both images. Whether a row's photos are to be mirrored
/// (column `flip`) counts in the training split alone, as in the authors' code.
fn read(request: &Request) -> Result<Contents> {
    let &Request { root, list, sizes, .. } = request;
    let rows = rows(request)?;
    let annotations = read_annotations(root, &rows);
    let files = annotations.keys().map(|image| annotation_file(root, image)).collect();
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
        let [rows, other] = [&source, &target].map(|annotation| annotation.keypoints.len());
        if rows != other {
            let [first, second] = &row.images;
            let detail = format!("{rows} parts in the annotation of {first}, {other} in {second}");
            return Err(vec![Problem::of_line(Fault::WrongCount, list, row.line, detail)]);
        }
        let rows = source.keypoints.iter().zip(&target.keypoints).enumerate();
        let (parts, both): (Vec<usize>, Vec<[Point; 2]>) = rows
            .filter_map(|(part, (source, target))| Some((part, [(*source)?, (*target)?])))
            .unzip();
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
                let (difficulty, truth) = (None, Truth::Keypoints);
                let parts = Part::numbered(parts);
                let pair =
                    Pair { index, category, source, target, parts, difficulty, mirrored, truth };
                checked(pair, list, Some(row.line))
            }
            (source, target) => Err([source.err(), target.err()].into_iter().flatten().collect()),
        }
    };
    let records = rows.into_iter().enumerate().map(record).collect();
    Ok(Contents { records, annotations: files, notes: Vec::new() })
}

/// The rows of the list.
fn rows(request: &Request) -> Result<Vec<Result<Row, Problem>>> {
    let &Request { list, split, categories, .. } = request;
    let is_training = split == TRAINING_SPLIT;
    let rows = read_csv(list)?.into_iter();
    Ok(rows.map(|(line, row)| parse_row(&row, line, categories, is_training, list)).collect())
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
    let base_name = |path: &str| {
        let error = || fault(Fault::Unreadable, format!("`{path}` is no path of an image"));
        last_parts(path).map(|[name]| name.to_owned()).ok_or_else(error)
    };
    let flip = columns.get(3).filter(|_| is_training);
    let mirrored = match flip.map(|flip| flip.parse::<f64>()) {
        None | Some(Ok(0.0)) => false,
        Some(Ok(1.0)) => true,
        _ => {
            let detail = format!("flip is `{}`, neither 0 nor 1", columns[3]);
            return Err(fault(Fault::Unreadable, detail));
        }
    };
    let images = [base_name(source)?, base_name(target)?];
    Ok(Row { line, images, category: category.clone(), mirrored })
}

/// The annotations of all images that the rows name, each read once.
fn read_annotations(
    root: &Path,
    rows: &[Result<Row, Problem>],
) -> HashMap<AnnotatedName, Result<Annotation, Problem>> {
    let read = |image: AnnotatedName| {
        let annotation = read_annotation(&annotation_file(root, &image));
        (image, annotation)
    };
    annotated_images(rows).into_par_iter().map(read).collect()
}

/// The images that the rows name, each once.
fn annotated_images(rows: &[Result<Row, Problem>]) -> Vec<AnnotatedName> {
    let mut images: Vec<AnnotatedName> = rows
        .iter()
        .flatten()
        .flat_map(|row| row.images.each_ref().map(|name| (row.category.clone(), name.clone())))
        .collect();
    images.sort();
    images.dedup();
    images
}

fn annotation_file(root: &Path, (category, name): &AnnotatedName) -> PathBuf {
    root.join("Annotations").join(category).join(name).with_extension("mat")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inside::shared_data;

    fn parsed(row: &[&str], is_training: bool) -> Result<Row, Problem> {
        let categories = ["cat".to_owned(), "dog".to_owned()];
        parse_row(&row.to_vec().into(), 7, &categories, is_training, Path::new("list.csv"))
    }

    #[test]
    fn flip_column_counts_in_the_training_split_alone() {
        for (is_training, mirrored) in [(true, true), (false, false)] {
            let row = parsed(&["A/B/s.jpg", "t.jpg", "2", "1", "surplus"], is_training).unwrap();
            let images = ["s.jpg".to_owned(), "t.jpg".to_owned()];
            assert_eq!(row, Row { line: 7, images, category: "dog".into(), mirrored });
        }
        // The test list has coordinates there.
        assert!(!parsed(&["s.jpg", "t.jpg", "2", "4.5;6"], false).unwrap().mirrored);
        assert!(!parsed(&["s.jpg", "t.jpg", "1"], true).unwrap().mirrored);
    }

    #[test]
    fn malformed_rows_say_what_is_wrong() {
        let error = |row: &[&str]| parsed(row, true).unwrap_err().to_string();
        assert!(
            error(&["s.jpg", "t.jpg", "3", "0"]).contains("`3` is no class; they count from 1")
        );
        assert!(error(&["s.jpg", "t.jpg", "0", "0"]).contains("`0` is no class"));
        assert!(error(&["s.jpg", "t.jpg", "dog", "0"]).contains("`dog` is no class"));
        assert!(error(&["s.jpg", "t.jpg", "1", "2"]).contains("flip is `2`, neither 0 nor 1"));
        assert!(error(&["s.jpg", "folder/", "1", "0"]).contains("`folder/` is no path"));
        assert_eq!(error(&["s.jpg", "t.jpg"]), "list.csv:7: 2 columns instead of 3 or more");
    }

    #[test]
    fn real_lists_parse_row_by_row() {
        let Some(data) = shared_data::data() else { return };
        let folder = data.join("pf-pascal-lists");
        let categories: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        for (name, count, flips) in [("train", 2940, 1470), ("val", 308, 0), ("test", 299, 0)] {
            let list = folder.join(format!("{name}_pairs.csv"));
            let rows = read_csv(&list).unwrap().into_iter().map(|(line, row)| {
                parse_row(&row, line, &categories, name == "train", &list).unwrap()
            });
            let mirrored: Vec<bool> = rows.map(|row| row.mirrored).collect();
            assert_eq!(mirrored.len(), count);
            assert_eq!(mirrored.iter().filter(|&&mirrored| mirrored).count(), flips);
        }
    }
}
