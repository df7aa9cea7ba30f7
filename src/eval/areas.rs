//! What is measured by outlines: how much of an object its match covers (Kim et al. 2013), as weakalign's evaluator
//! has it.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::outline::Mask;
use crate::geometry::Point;

/// How near a whole number a position may be and is one, in pixels.
const ROUNDING: f64 = 1e-6;

/// One of the measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AreaMeasure {
    /// Label transfer accuracy.
    LabelTransfer,
    /// Intersection over union.
    Union,
    /// Localization error: smaller is better.
    Localization,
}

impl AreaMeasure {
    /// All of them, in the order of reports.
    pub(crate) const ALL: [Self; 3] = [Self::LabelTransfer, Self::Union, Self::Localization];

    /// Its name in print.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LabelTransfer => "LT-ACC",
            Self::Union => "IoU",
            Self::Localization => "LOC-ERR",
        }
    }
}

/// What was measured of one pair, as parts of 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Areas {
    /// The share of the source's pixels that are of the object where their match is, or not where it is not.
    pub label_transfer: f64,
    /// Pixels of the object whose match is of the object, of those that are it in either.
    pub union: f64,
    /// How far a match lies from the same place of the object, along x and y together, in units of its extent; none
    /// where no match lies within the target.
    pub localization: Option<f64>,
}

/// Sums over some pixels of the source.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    equal: usize,
    both: usize,
    either: usize,
    within: usize,
    distance: f64,
}

impl Areas {
    /// Compares the source's object with what is found of the target's, which `matched` says of each pixel of the
    /// source. None where one of them has no pixel.
    pub(crate) fn new(
        source: &Mask,
        target: &Mask,
        matched: impl Fn(Point) -> Point + Sync,
    ) -> Option<Self> {
        let (source_places, target_places) = (Places::new(source)?, Places::new(target)?);
        let row = |row: usize| {
            let mut sums = Sums::default();
            for column in 0..source.size.width {
                let found = matched(Point::new(column as f64, row as f64));
                let (own, theirs) = (source.at(row, column), target.sample(found) > 0.5);
                sums.equal += usize::from(own == theirs);
                sums.both += usize::from(own && theirs);
                sums.either += usize::from(own || theirs);
                let cell = [(found.x, target.size.width), (found.y, target.size.height)]
                    .map(|(position, pixels)| inner_pixel(position, pixels));
                if let [Some(found_column), Some(found_row)] = cell {
                    let [x, y] = source_places.at(column, row);
                    let [found_x, found_y] = target_places.at(found_column, found_row);
                    sums.within += 1;
                    sums.distance += (x - found_x).abs() + (y - found_y).abs();
                }
            }
            sums
        };
        // Summed in their order, whichever thread they come from.
        let rows: Vec<Sums> = (0..source.size.height).into_par_iter().map(row).collect();
        let sums = rows.into_iter().fold(Sums::default(), |all, row| Sums {
            equal: all.equal + row.equal,
            both: all.both + row.both,
            either: all.either + row.either,
            within: all.within + row.within,
            distance: all.distance + row.distance,
        });
        Some(Self {
            label_transfer: sums.equal as f64 / source.size.area() as f64,
            union: sums.both as f64 / sums.either as f64,
            localization: (sums.within > 0).then(|| sums.distance / sums.within as f64),
        })
    }

    /// One of the measures.
    pub(crate) fn value(&self, measure: AreaMeasure) -> Option<f64> {
        match measure {
            AreaMeasure::LabelTransfer => Some(self.label_transfer),
            AreaMeasure::Union => Some(self.union),
            AreaMeasure::Localization => self.localization,
        }
    }
}

/// The whole pixel of a position along an axis. Parity: what lies on the photo's rim is not within it, all else is cut.
fn inner_pixel(position: f64, pixels: usize) -> Option<usize> {
    let nearest = position.round();
    // A match of the same place is not to fall short of its pixel by rounding.
    let position = if (position - nearest).abs() < ROUNDING { nearest } else { position };
    (position > 0.0 && position < pixels as f64 - 1.0).then_some(position as usize)
}

/// Where pixels lie within an object's extent.
struct Places {
    first: [f64; 2],
    extent: [f64; 2],
}

impl Places {
    fn new(mask: &Mask) -> Option<Self> {
        let [[left, right], [top, bottom]] = mask.extent()?;
        let extent = [right - left + 1, bottom - top + 1].map(|pixels| pixels as f64);
        Some(Self { first: [left as f64, top as f64], extent })
    }

    /// From 0 to 1 along x and y.
    fn at(&self, column: usize, row: usize) -> [f64; 2] {
        let [left, top] = self.first;
        [(column as f64 + 1.0 - left) / self.extent[0], (row as f64 + 1.0 - top) / self.extent[1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    /// A photo of 4 x 6 pixels with an object of 2 x 2 whose first column is this one.
    fn square(left: f64) -> Mask {
        let corners = [[left, 1.0], [left + 1.0, 1.0], [left + 1.0, 2.0], [left, 2.0]];
        Mask::of(&corners.map(Point::from), Size::new(4, 6))
    }

    #[test]
    fn an_object_that_lies_where_it_was_has_everything() {
        let areas = Areas::new(&square(1.0), &square(1.0), |pixel| pixel).unwrap();
        assert_eq!((areas.label_transfer, areas.union), (1.0, 1.0));
        assert_eq!(areas.localization, Some(0.0));
    }

    #[test]
    fn one_that_lies_elsewhere_has_what_is_common() {
        let (source, target) = (square(1.0), square(2.0));
        let areas = Areas::new(&source, &target, |pixel| pixel).unwrap();
        // Of four and four pixels two are common; every place is off by half of the object's width.
        assert_eq!((areas.label_transfer, areas.union), (20.0 / 24.0, 2.0 / 6.0));
        assert_eq!(areas.localization, Some(0.5));
        let right = |pixel: Point| Point::new(pixel.x + 1.0, pixel.y);
        let moved = Areas::new(&source, &target, right).unwrap();
        assert_eq!((moved.union, moved.localization), (1.0, Some(0.0)));
    }

    #[test]
    fn matches_beyond_the_target_are_of_no_object() {
        let areas = Areas::new(&square(1.0), &square(1.0), |_| Point::new(99.0, f64::NAN)).unwrap();
        assert_eq!((areas.label_transfer, areas.union), (20.0 / 24.0, 0.0));
        assert_eq!(
            AreaMeasure::ALL.map(|measure| areas.value(measure)),
            [Some(20.0 / 24.0), Some(0.0), None]
        );
        let nothing = Mask::of(&[], Size::new(4, 6));
        assert_eq!(Areas::new(&nothing, &square(1.0), |pixel| pixel), None);
    }
}
