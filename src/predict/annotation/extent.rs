//! The area that an object covers, as COCO writes it.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::data::outline::Mask;
use crate::geometry::{Point, Size};
use crate::predict::annotation::outline::{area, outlines};
use crate::predict::annotation::runs::{counts_of_mask, counts_of_text, mask_of_counts};

/// The area that an object covers.
#[derive(Debug)]
pub(super) enum Extent {
    /// Polygons, in corners of pixels.
    Polygons(Vec<Vec<Point>>),
    /// Run lengths.
    Runs(Vec<usize>, Size),
    /// Left, top, width and height.
    Box([f64; 4]),
}

impl Extent {
    /// The area of polygons or run lengths.
    ///
    /// # Errors
    /// When the text is neither.
    pub(super) fn of_segmentation(text: &str) -> Result<Self> {
        if text.starts_with('[') {
            let polygons: Vec<Vec<f64>> = serde_json::from_str(text)?;
            let corners = |numbers: Vec<f64>| -> Result<Vec<Point>> {
                ensure!(
                    numbers.len().is_multiple_of(2) && numbers.len() >= 6,
                    "a polygon has {} numbers, which are no corners",
                    numbers.len()
                );
                Ok(numbers.chunks_exact(2).map(|pair| Point::new(pair[0], pair[1])).collect())
            };
            return Ok(Self::Polygons(polygons.into_iter().map(corners).collect::<Result<_>>()?));
        }
        #[derive(Deserialize)]
        struct Runs {
            size: [usize; 2],
            counts: Counts,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Counts {
            Numbers(Vec<usize>),
            Text(String),
        }
        let Runs { size: [height, width], counts } = serde_json::from_str(text)?;
        let counts = match counts {
            Counts::Numbers(counts) => counts,
            Counts::Text(text) => counts_of_text(&text)?,
        };
        Ok(Self::Runs(counts, Size::new(height, width)))
    }

    /// The area of a box.
    ///
    /// # Errors
    /// When the text is none.
    pub(super) fn of_box(text: &str) -> Result<Self> {
        let [left, top, width, height]: [f64; 4] = serde_json::from_str(text)?;
        ensure!(width >= 0.0 && height >= 0.0, "its size is {width} x {height}");
        Ok(Self::Box([left, top, width, height]))
    }

    /// The pixels of the source that are covered.
    ///
    /// # Errors
    /// When run lengths are those of another photo.
    pub(super) fn mask(&self, source: Size) -> Result<Mask> {
        // Pixels have their centres at whole numbers here, and their corners there.
        let polygon = |corners: &[Point]| {
            let centred = corners.iter().map(|corner| Point::new(corner.x - 0.5, corner.y - 0.5));
            Mask::of(&centred.collect::<Vec<Point>>(), source)
        };
        Ok(match self {
            Self::Polygons(polygons) => {
                let masks: Vec<Mask> = polygons.iter().map(|corners| polygon(corners)).collect();
                Mask::from_fn(source, |row, column| masks.iter().any(|mask| mask.at(row, column)))
            }
            Self::Runs(counts, size) => {
                ensure!(
                    *size == source,
                    "its run lengths are for {size} pixels, but the photo has {source}"
                );
                mask_of_counts(counts, source)?
            }
            Self::Box([left, top, width, height]) => {
                let (right, bottom) = (left + width, top + height);
                let corners = [[*left, *top], [right, *top], [right, bottom], [*left, bottom]];
                polygon(&corners.map(Point::from))
            }
        })
    }

    /// A mask in the same form, but for boxes, and its area in pixels.
    ///
    /// # Errors
    /// None that is known: what it writes is JSON.
    pub(super) fn again(&self, mask: &Mask) -> Result<(Option<Box<RawValue>>, f64)> {
        Ok(match self {
            Self::Polygons(_) => {
                let outlines = outlines(mask);
                let numbers = |corners: &Vec<Point>| -> Vec<f64> {
                    corners.iter().flat_map(|corner| [corner.x, corner.y]).collect()
                };
                let polygons: Vec<Vec<f64>> = outlines.iter().map(numbers).collect();
                let area = outlines.iter().map(|corners| area(corners)).sum();
                (Some(to_raw_value(&polygons)?), area)
            }
            Self::Runs(..) => {
                let runs = RunLengths {
                    size: [mask.size.height, mask.size.width],
                    counts: counts_of_mask(mask),
                };
                (Some(to_raw_value(&runs)?), mask.area() as f64)
            }
            Self::Box(_) => (None, mask.area() as f64),
        })
    }
}

/// As COCO writes them where they are not packed.
#[derive(Serialize)]
struct RunLengths {
    size: [usize; 2],
    counts: Vec<usize>,
}
