//! Caltech-101: a CSV list with the outlines of both objects in every row (Kim et al. 2013, as CNNGeometric and
//! weakalign prepare it). Their evaluator looks from the pixels of the list's second photo into its first, so the
//! second is the source here.

use std::path::{Path, PathBuf};

use anyhow::Result;
use csv::StringRecord;
use rayon::prelude::*;

use crate::data::formats::text::{last_parts, read_csv};
use crate::data::formats::{Annotations, Contents, Format, Record, Request};
use crate::data::outline::Mask;
use crate::data::photo::images::ImageSizes;
use crate::data::problem::{Fault, Problem};
use crate::data::truth::{Truth, TruthKind};
use crate::data::{AnnotatedImage, Pair};
use crate::geometry::Point;

/// Columns that matter: two image names, the class's number, then x and y of the first and of the second outline.
const COLUMNS: usize = 7;

/// Where the archive of the photos puts them.
const PHOTOS: &str = "101_ObjectCategories";

/// The layout.
#[derive(Debug)]
pub(crate) struct Caltech;

impl Format for Caltech {
    fn name(&self) -> &'static str {
        "caltech-101"
    }

    fn annotations(&self) -> Annotations {
        Annotations { object_boxes: false, truth: TruthKind::Outlines }
    }

    fn read(&self, &Request { root, list, sizes, .. }: &Request) -> Result<Contents> {
        let photos = root.join(PHOTOS);
        let photos = if photos.is_dir() { photos } else { root.to_owned() };
        let rows = read_csv(list)?;
        let record = |(index, (line, row)): (usize, &(usize, StringRecord))| -> Record {
            pair(index, row, &photos, sizes).map_err(|faults| {
                faults.into_iter().map(|fault| fault.of_row(list, *line)).collect()
            })
        };
        let records: Vec<Record> = rows.par_iter().enumerate().map(record).collect();
        Ok(records.into())
    }
}

/// What is wrong with a row, or with a file that it names.
enum RowFault {
    Row(Fault, String),
    File(Problem),
}

impl RowFault {
    fn of_row(self, list: &Path, line: usize) -> Problem {
        match self {
            Self::Row(fault, detail) => Problem::of_line(fault, list, line, detail),
            Self::File(problem) => problem,
        }
    }
}

fn pair(
    index: usize,
    row: &StringRecord,
    photos: &Path,
    sizes: &ImageSizes,
) -> Result<Pair, Vec<RowFault>> {
    if row.len() < COLUMNS {
        let detail = format!("{} columns instead of {COLUMNS}", row.len());
        return Err(vec![RowFault::Row(Fault::WrongCount, detail)]);
    }
    let side = |name: usize, first: usize| -> Result<(&str, AnnotatedImage), RowFault> {
        let [category, file] = last_parts(&row[name]).ok_or_else(|| {
            RowFault::Row(Fault::Unreadable, format!("`{}` is no category and file", &row[name]))
        })?;
        let image = image(photos.join(category).join(file), [&row[first], &row[first + 1]], sizes)?;
        Ok((category, image))
    };
    match (side(1, 5), side(0, 3)) {
        (Ok((category, source)), Ok((_, target))) => Ok(Pair {
            index,
            category: category.to_owned(),
            source,
            target,
            parts: Vec::new(),
            difficulty: None,
            mirrored: false,
            truth: Truth::Outlines,
        }),
        (source, target) => Err([source.err(), target.err()].into_iter().flatten().collect()),
    }
}

/// A photo whose keypoints are the corners of the object's outline.
fn image(path: PathBuf, [x, y]: [&str; 2], sizes: &ImageSizes) -> Result<AnnotatedImage, RowFault> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let numbers = |text: &str| -> Result<Vec<f64>, RowFault> {
        let number = |number: &str| match number.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            Ok(_) => Err(RowFault::Row(Fault::NotFinite, format!("the outline of {name}"))),
            Err(_) => {
                let detail = format!("`{number}` in the outline of {name} is no number");
                Err(RowFault::Row(Fault::Unreadable, detail))
            }
        };
        text.trim().trim_end_matches(',').split(',').map(number).collect()
    };
    let (x, y) = (numbers(x)?, numbers(y)?);
    if x.len() != y.len() {
        let detail = format!("{} x and {} y in the outline of {name}", x.len(), y.len());
        return Err(RowFault::Row(Fault::WrongCount, detail));
    }
    let size = sizes.of(&path).map_err(RowFault::File)?;
    let keypoints: Vec<Point> = x.into_iter().zip(y).map(|(x, y)| Point::new(x, y)).collect();
    if Mask::of(&keypoints, size).extent().is_none() {
        let detail = format!("the outline of {name} encloses no pixel of it");
        return Err(RowFault::Row(Fault::OutlineOutside, detail));
    }
    Ok(AnnotatedImage { path, size, keypoints, bounding_box: None })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::RgbImage;

    use super::*;
    use crate::data::formats::Draw;

    fn read(root: &Path, rows: &[&str]) -> Vec<Record> {
        let list = root.join("test.csv");
        let header = "source_image,target_image,class,XA,YA,XB,YB";
        fs::write(&list, [&[header], rows].concat().join("\n")).unwrap();
        let sizes = ImageSizes::default();
        let request = Request {
            root,
            list: &list,
            split: "test",
            sharing: &["test"],
            draw: Draw::default(),
            categories: &[],
            sizes: &sizes,
        };
        Caltech.read(&request).unwrap().records
    }

    #[test]
    fn the_second_photo_of_a_row_is_the_source_and_wrong_rows_say_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("101_ObjectCategories/ant");
        fs::create_dir_all(&photos).unwrap();
        RgbImage::new(20, 10).save(photos.join("a.jpg")).unwrap();
        RgbImage::new(30, 15).save(photos.join("b.jpg")).unwrap();
        let sides = "101_ObjectCategories/ant/a.jpg,ant/b.jpg,8";
        let records = read(
            folder.path(),
            &[
                &format!("{sides},\"1,9,5\",\"1,1,8.5\",\"2,4,4,2\",\"2,2,5,5\""),
                &format!("{sides},\"1,9,5\",\"1,1\",\"2,4,4,2\",\"2,2,x,5\""),
                &format!("{sides},\"50,60,55\",\"1,1,5\",\"2,4,4,2\",\"2,2,5,NaN\""),
                "ant/a.jpg,ant/c.jpg,8,\"1,9,5\",\"1,1,8.5\",\"2,4,4,2\",\"2,2,5,5\"",
                "ant/a.jpg,ant/b.jpg,8,1",
            ],
        );
        let pair = records[0].as_ref().unwrap();
        assert_eq!((&pair.category, &pair.truth), (&"ant".to_owned(), &Truth::Outlines));
        assert_eq!((&pair.source.path, pair.source.keypoints.len()), (&photos.join("b.jpg"), 4));
        assert_eq!(pair.target.keypoints[2], Point::new(5.0, 8.5));
        let detail = |record: usize| {
            let problems = records[record].as_ref().unwrap_err().iter();
            problems.map(|problem| problem.detail.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(
            detail(1),
            ["`x` in the outline of b.jpg is no number", "3 x and 2 y in the outline of a.jpg"]
        );
        assert_eq!(
            detail(2),
            ["the outline of b.jpg", "the outline of a.jpg encloses no pixel of it"]
        );
        assert_eq!(detail(3), ["no such image"]);
        assert_eq!(detail(4), ["4 columns instead of 7"]);
    }
}
