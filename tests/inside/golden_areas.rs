//! Outlines filled by scikit-image, and what weakalign's own functions measure of matches between them.

use serde::Deserialize;

use crate::data::outline::Mask;
use crate::eval::areas::Areas;
use crate::geometry::{Point, Size};

#[derive(Deserialize)]
struct Golden {
    masks: Vec<GoldenMask>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct GoldenMask {
    size: [usize; 2],
    outline: Vec<Point>,
    rows: Vec<String>,
}

#[derive(Deserialize)]
struct Case {
    source_size: [usize; 2],
    target_size: [usize; 2],
    source_outline: Vec<Point>,
    target_outline: Vec<Point>,
    /// Where the source's pixels lie in the target, row by row, in 32nds of a pixel.
    matched_x_32: Vec<i64>,
    matched_y_32: Vec<i64>,
    label_transfer_accuracy: f64,
    intersection_over_union: f64,
    localization_error: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/areas.json")).unwrap()
}

fn size([height, width]: [usize; 2]) -> Size {
    Size::new(height, width)
}

#[test]
fn outlines_are_filled_as_scikit_image_does() {
    for GoldenMask { size: pixels, outline, rows } in golden().masks {
        let mask = Mask::of(&outline, size(pixels));
        let pixel = |row, column| if mask.at(row, column) { '#' } else { '.' };
        let found: Vec<String> = (0..pixels[0])
            .map(|row| (0..pixels[1]).map(|column| pixel(row, column)).collect())
            .collect();
        assert_eq!(found, rows, "{outline:?}");
    }
}

#[test]
fn areas_are_those_of_weakalign() {
    let cases = golden().cases;
    assert_eq!(cases.len(), 5);
    for case in cases {
        let (source_size, target_size) = (size(case.source_size), size(case.target_size));
        let matched = |pixel: Point| {
            let index = pixel.y as usize * source_size.width + pixel.x as usize;
            let [x, y] = [case.matched_x_32[index], case.matched_y_32[index]];
            Point::new(x as f64 / 32.0, y as f64 / 32.0)
        };
        let source = Mask::of(&case.source_outline, source_size);
        let target = Mask::of(&case.target_outline, target_size);
        let found = Areas::new(&source, &target, matched).unwrap();
        for (found, wanted) in [
            (found.label_transfer, case.label_transfer_accuracy),
            (found.union, case.intersection_over_union),
            (found.localization.unwrap(), case.localization_error),
        ] {
            assert!((found - wanted).abs() < 1e-6, "{found} is not {wanted}");
        }
    }
}
