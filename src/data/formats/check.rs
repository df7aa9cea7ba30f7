//! Whether a pair's annotation can be true of its photos.

use std::path::Path;

use crate::data::formats::Record;
use crate::data::problem::{Fault, Problem};
use crate::data::{AnnotatedImage, Pair};
use crate::geometry::{BoundingBox, Point};

/// How far an annotation may lie outside its image, in pixels: some benchmarks count from 1, and their
/// boxes end on the edge.
const TOLERANCE: f64 = 1.0;

/// The pair, unless one of its sides is at fault.
pub(crate) fn checked(pair: Pair, file: &Path, line: Option<usize>) -> Record {
    let mut problems = check_side(&pair.source, file, line);
    problems.extend(check_side(&pair.target, file, line));
    let [sources, targets] = [&pair.source, &pair.target].map(|side| side.keypoints.len());
    if sources != targets || sources == 0 {
        let detail = format!("{sources} source and {targets} target keypoints");
        problems.push(Problem { fault: Fault::WrongCount, file: file.to_owned(), line, detail });
    }
    if problems.is_empty() { Ok(pair) } else { Err(problems) }
}

/// The pair, unless it has no keypoints or one of its numbers is none: of benchmarks that are used as they are.
pub(super) fn finite(pair: Pair, file: &Path) -> Record {
    let fault = |fault, detail: &str| Err(vec![Problem::of_file(fault, file, detail)]);
    let sides = [&pair.source, &pair.target];
    let boxes = sides.iter().filter_map(|side| side.bounding_box);
    let mut numbers = boxes.map(BoundingBox::longer_side);
    let mut points = sides.iter().flat_map(|side| &side.keypoints);
    if pair.source.keypoints.is_empty() {
        fault(Fault::WrongCount, "no keypoint is labelled in both photos")
    } else if !points.all(|point| point.is_finite()) {
        fault(Fault::NotFinite, "a keypoint")
    } else if !numbers.all(|length| length.is_finite() && length > 0.0) {
        fault(Fault::BoxOutside, "a box has no extent")
    } else {
        Ok(pair)
    }
}

/// What is wrong with one photo's annotation, given the record it comes from.
pub(super) fn check_side(side: &AnnotatedImage, file: &Path, line: Option<usize>) -> Vec<Problem> {
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
