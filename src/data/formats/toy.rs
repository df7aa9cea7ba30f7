//! A layout for tests alone: a text list, one pair a line, `CATEGORY SOURCE TARGET` and four numbers a keypoint
//! (x and y in the source, x and y in the target). Photos lie in `photos/`; there are no object boxes.

use std::path::Path;

use anyhow::Result;

use crate::data::formats::check::checked;
use crate::data::formats::text::{lines, read_text};
use crate::data::formats::{Annotations, Contents, Format, Record, Request};
use crate::data::photo::images::ImageSizes;
use crate::data::problem::{Fault, Problem};
use crate::data::truth::{Truth, TruthKind};
use crate::data::{AnnotatedImage, Pair};
use crate::geometry::Point;

/// The layout.
pub(crate) struct Toy;

impl Format for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn annotations(&self) -> Annotations {
        Annotations { object_boxes: false, truth: TruthKind::Keypoints }
    }

    fn read(&self, &Request { root, list, sizes, .. }: &Request) -> Result<Contents> {
        let text = read_text(list)?;
        let record = |(index, (number, line)): (usize, (usize, &str))| {
            let fault = |fault, detail| vec![Problem::of_line(fault, list, number, detail)];
            let words: Vec<&str> = line.split_whitespace().collect();
            let [category, source, target, numbers @ ..] = words.as_slice() else {
                return Err(fault(Fault::WrongCount, "too few words"));
            };
            let numbers = numbers.iter().map(|word| word.parse()).collect::<Result<Vec<f64>, _>>();
            let numbers = numbers.map_err(|_| fault(Fault::Unreadable, "no number"))?;
            let keypoints = |first: usize| {
                let point = |four: &[f64]| Point::new(four[first], four[first + 1]);
                numbers.chunks_exact(4).map(point).collect()
            };
            let side =
                |name: &str, first| image(&root.join("photos").join(name), keypoints(first), sizes);
            let pair = Pair {
                index,
                category: (*category).to_owned(),
                source: side(source, 0)?,
                target: side(target, 2)?,
                parts: Vec::new(),
                difficulty: None,
                mirrored: false,
                truth: Truth::Keypoints,
            };
            checked(pair, list, Some(number))
        };
        Ok(lines(&text).enumerate().map(record).collect::<Vec<Record>>().into())
    }
}

fn image(
    path: &Path,
    keypoints: Vec<Point>,
    sizes: &ImageSizes,
) -> Result<AnnotatedImage, Vec<Problem>> {
    let size = sizes.of(path).map_err(|problem| vec![problem])?;
    Ok(AnnotatedImage { path: path.to_owned(), size, keypoints, bounding_box: None })
}
