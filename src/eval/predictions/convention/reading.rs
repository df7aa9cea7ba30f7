//! Conventions in which other programs write positions, and what they mean in target pixels.

use std::fmt::{self, Display, Formatter};

use crate::data::Pair;
use crate::eval::predictions::Prediction;
use crate::geometry::Point;

/// Sides of the square frames that networks work in, and the thousandths of language models.
const SIDES: [u16; 10] = [224, 256, 320, 384, 448, 512, 640, 768, 840, 1000];

/// A way to read predicted points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The row before the column.
    pub row_first: bool,
    /// What the numbers count.
    pub unit: Unit,
}

/// What the numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Pixels of the target photo: what they should.
    Pixels,
    /// Parts of width and height.
    Parts,
    /// From -1 to 1 over width and height.
    SignedParts,
    /// Pixels of the target stretched to a square of this side.
    Square(u16),
    /// Pixels of the target scaled to this longer side.
    LongerSide(u16),
    /// Pixels of the target stretched to the source photo's size.
    SourcePixels,
    /// Target pixels from the source keypoint.
    Displacement,
}

impl Reading {
    /// As the points stand there.
    pub(super) const GIVEN: Self = Self { row_first: false, unit: Unit::Pixels };

    /// All others, the simple ones first.
    pub(super) fn others() -> Vec<Self> {
        let plain = [Unit::Parts, Unit::SignedParts, Unit::SourcePixels, Unit::Displacement];
        let framed =
            SIDES.into_iter().flat_map(|side| [Unit::Square(side), Unit::LongerSide(side)]);
        let units: Vec<Unit> = plain.into_iter().chain(framed).collect();
        let of = |row_first| units.iter().map(move |unit| Self { row_first, unit: *unit });
        let swapped = Self { row_first: true, unit: Unit::Pixels };
        std::iter::once(swapped).chain(of(false)).chain(of(true)).collect()
    }

    /// How many things at once are not as they should be.
    pub(super) fn departures(self) -> usize {
        usize::from(self.row_first) + usize::from(self.unit != Unit::Pixels)
    }

    /// What the prediction means, read so.
    pub(super) fn of(self, pair: &Pair, prediction: &Prediction) -> Prediction {
        let points = prediction.points.iter().zip(&pair.source.keypoints);
        let points = points.map(|(point, source)| self.point(*point, *source, pair)).collect();
        Prediction::new(pair.index, points)
    }

    fn point(self, point: Point, source: Point, pair: &Pair) -> Point {
        let Point { x, y } = if self.row_first { Point::new(point.y, point.x) } else { point };
        let (width, height) = (pair.target.size.width as f64, pair.target.size.height as f64);
        let scaled = |horizontal: f64, vertical: f64| Point::new(x * horizontal, y * vertical);
        match self.unit {
            Unit::Pixels => Point::new(x, y),
            Unit::Parts => scaled(width, height),
            Unit::SignedParts => Point::new((x + 1.0) / 2.0 * width, (y + 1.0) / 2.0 * height),
            Unit::Square(side) => scaled(width / f64::from(side), height / f64::from(side)),
            Unit::LongerSide(side) => {
                let scale = width.max(height) / f64::from(side);
                scaled(scale, scale)
            }
            Unit::SourcePixels => {
                let size = pair.source.size;
                scaled(width / size.width as f64, height / size.height as f64)
            }
            Unit::Displacement => Point::new(source.x + x, source.y + y),
        }
    }
}

impl Display for Reading {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let order = if self.row_first { "[y, x]" } else { "[x, y]" };
        match self.unit {
            Unit::Pixels => write!(formatter, "{order} in target pixels"),
            Unit::Parts => write!(formatter, "{order} as parts of width and height, from 0 to 1"),
            Unit::SignedParts => write!(formatter, "{order} from -1 to 1 over width and height"),
            Unit::Square(side) => {
                write!(formatter, "{order} in pixels of the target stretched to {side}x{side}")
            }
            Unit::LongerSide(side) => {
                write!(
                    formatter,
                    "{order} in pixels of the target scaled to a longer side of {side}"
                )
            }
            Unit::SourcePixels => {
                write!(formatter, "{order} in pixels of the target stretched to the source's size")
            }
            Unit::Displacement => {
                write!(formatter, "{order} as displacements from the source keypoints")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::{pair, prediction};
    use crate::geometry::Size;

    #[test]
    fn each_reading_leads_back_to_target_pixels() {
        let mut pair = pair(&[(10.0, 5.0)], &[(0.0, 0.0)]);
        pair.source.size = Size::new(50, 100);
        pair.target.size = Size::new(100, 200);
        for (unit, written) in [
            (Unit::Pixels, (30.0, 60.0)),
            (Unit::Parts, (0.15, 0.6)),
            (Unit::SignedParts, (-0.7, 0.2)),
            (Unit::Square(512), (76.8, 307.2)),
            (Unit::LongerSide(640), (96.0, 192.0)),
            (Unit::SourcePixels, (15.0, 30.0)),
            (Unit::Displacement, (20.0, 55.0)),
        ] {
            for row_first in [false, true] {
                let (x, y) = written;
                let written = if row_first { (y, x) } else { (x, y) };
                let read = Reading { row_first, unit }.of(&pair, &prediction(0, &[written]));
                let Point { x, y } = read.points[0];
                assert!(
                    (x - 30.0).abs() + (y - 60.0).abs() < 1e-9,
                    "{unit:?} {row_first}: {x} {y}"
                );
            }
        }
        assert_eq!(
            Reading::others().iter().filter(|reading| reading.departures() == 1).count(),
            25
        );
    }
}
