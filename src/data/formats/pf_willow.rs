//! PF-WILLOW: a CSV list with ten keypoints of both images in every row (Ham et al. 2016).

use anyhow::Result;
use csv::StringRecord;

use crate::data::formats::check::checked;
use crate::data::formats::text::{last_parts, read_csv};
use crate::data::formats::{Annotations, Contents, Format, Record, Request};
use crate::data::parts::Part;
use crate::data::problem::{Fault, Problem};
use crate::data::truth::{Truth, TruthKind};
use crate::data::{AnnotatedImage, Pair};
use crate::geometry::Point;

/// Keypoints of an image.
const KEYPOINTS: usize = 10;

/// Columns that matter: two image names, then x and y of the first and of the second image.
const COLUMNS: usize = 2 + 4 * KEYPOINTS;

/// One row of a list, image names as category and file.
#[derive(Debug, PartialEq)]
struct Row<'a> {
    images: [[&'a str; 2]; 2],
    keypoints: [Vec<Point>; 2],
}

/// The layout.
#[derive(Debug)]
pub(crate) struct PfWillow;

impl Format for PfWillow {
    fn name(&self) -> &'static str {
        "pf-willow"
    }

    fn annotations(&self) -> Annotations {
        Annotations { object_boxes: false, truth: TruthKind::Keypoints }
    }

    fn read(&self, request: &Request) -> Result<Contents> {
        Ok(read(request)?.into())
    }
}

fn read(&Request { root, list, sizes, .. }: &Request) -> Result<Vec<Record>> {
    let record = |(index, (line, row)): (usize, (usize, StringRecord))| {
        let faulty = |(fault, detail)| vec![Problem::of_line(fault, list, line, detail)];
        let Row { images, keypoints } = parse_row(&row).map_err(faulty)?;
        let [[category, _], _] = images;
        let mut sides = images.into_iter().zip(keypoints).map(|(image, keypoints)| {
            let path = root.join(image[0]).join(image[1]);
            let size = sizes.of(&path)?;
            Ok(AnnotatedImage { path, size, keypoints, bounding_box: None })
        });
        match (sides.next(), sides.next()) {
            (Some(Ok(source)), Some(Ok(target))) => {
                let pair = Pair {
                    index,
                    category: category.to_owned(),
                    source,
                    target,
                    parts: Part::numbered(0..KEYPOINTS),
                    difficulty: None,
                    mirrored: false,
                    truth: Truth::Keypoints,
                };
                checked(pair, list, Some(line))
            }
            (source, target) => {
                Err([source, target].into_iter().flatten().filter_map(Result::err).collect())
            }
        }
    };
    Ok(read_csv(list)?.into_iter().enumerate().map(record).collect())
}

fn parse_row(row: &StringRecord) -> Result<Row<'_>, (Fault, String)> {
    if row.len() < COLUMNS {
        return Err((Fault::WrongCount, format!("{} columns instead of {COLUMNS}", row.len())));
    }
    let image = |column: usize| {
        let error = || (Fault::Unreadable, format!("`{}` is no category and file", &row[column]));
        last_parts(&row[column]).ok_or_else(error)
    };
    let images = [image(0)?, image(1)?];
    let [[category, _], [other, _]] = images;
    if category != other {
        let detail = format!("photos of two categories, `{category}` and `{other}`");
        return Err((Fault::Unreadable, detail));
    }
    let number = |column: usize| -> Result<f64, (Fault, String)> {
        let error = |_| {
            let hint =
                if row[column].contains(',') { " (numbers have a decimal point)" } else { "" };
            let detail = format!("`{}` in column {} is no number{hint}", &row[column], column + 1);
            (Fault::Unreadable, detail)
        };
        row[column].parse().map_err(error)
    };
    let keypoints = |first: usize| -> Result<Vec<Point>, (Fault, String)> {
        let point = |x| Ok(Point::new(number(x)?, number(x + KEYPOINTS)?));
        (first..first + KEYPOINTS).map(point).collect()
    };
    Ok(Row { images, keypoints: [keypoints(2)?, keypoints(2 + 2 * KEYPOINTS)?] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(first: &str, numbers: usize) -> StringRecord {
        let mut row = StringRecord::from(vec![first, "PF-dataset/duck(S)/b.png"]);
        (0..numbers).for_each(|number| row.push_field(&number.to_string()));
        row
    }

    #[test]
    fn row_holds_all_x_then_all_y_of_each_photo() {
        for surplus in [0, 3] {
            let row = row("PF-dataset/duck(S)/a.png", 40 + surplus);
            let parsed = parse_row(&row).unwrap();
            assert_eq!(parsed.images, [["duck(S)", "a.png"], ["duck(S)", "b.png"]]);
            assert_eq!(parsed.keypoints[0][9], Point::new(9.0, 19.0));
            assert_eq!(parsed.keypoints[1][0], Point::new(20.0, 30.0));
        }
    }

    #[test]
    fn malformed_rows_say_what_is_wrong() {
        let error = |row: &StringRecord| parse_row(row).unwrap_err();
        let short = error(&row("duck(S)/a.png", 39));
        assert_eq!(short, (Fault::WrongCount, "41 columns instead of 42".to_owned()));
        assert!(error(&row("car(M)/a.png", 40)).1.contains("`car(M)` and `duck(S)`"));
        assert!(error(&row("a.png", 40)).1.contains("`a.png` is no category and file"));
        let row = row("duck(S)/a.png", 40);
        let worded: StringRecord = row
            .iter()
            .enumerate()
            .map(|(at, field)| if at == 13 { "left" } else { field })
            .collect();
        assert_eq!(error(&worded).1, "`left` in column 14 is no number");
    }
}
