//! Points, sizes and boxes in pixels: plain numbers, no images and no tensors.
//!
//! Coordinates are `(x, y)`, x to the right and y down, pixel centres at whole numbers. Sizes are
//! `height` and `width`. The *unit square* of an image runs from 0 to 1 over its full extent, so the
//! centre of pixel `x` lies at `(x + 0.5) / width`.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::defaults::is_default;

/// A position or a displacement in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 2]", into = "[f64; 2]")]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

impl Point {
    /// Where something lies that was not found: infinitely far from everything.
    pub(crate) const NOWHERE: Self = Self::new(f64::INFINITY, f64::INFINITY);

    /// The point at column `x`, row `y`.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// Euclidean distance.
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// Whether both coordinates are finite numbers.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}

impl From<[f64; 2]> for Point {
    fn from([x, y]: [f64; 2]) -> Self {
        Self { x, y }
    }
}

impl From<Point> for [f64; 2] {
    fn from(point: Point) -> Self {
        [point.x, point.y]
    }
}

/// Room for rounding at a photo's rim, in pixels.
const RIM: f64 = 1e-3;

/// Height and width in pixels (or cells of a grid).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Size {
    /// `height` rows of `width` columns.
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    /// A square of `side` rows and columns.
    pub const fn square(side: usize) -> Self {
        Self { height: side, width: side }
    }

    /// The number of pixels.
    pub const fn area(self) -> usize {
        self.height * self.width
    }

    /// The longer side.
    pub fn longer_side(self) -> usize {
        self.height.max(self.width)
    }

    /// Whether a pixel position lies in the photo, the outer halves of the rim's pixels included.
    pub(crate) fn contains(self, pixel: Point) -> bool {
        let within =
            |position: f64, side: usize| (-0.5 - RIM..=side as f64 - 0.5 + RIM).contains(&position);
        within(pixel.x, self.width) && within(pixel.y, self.height)
    }

    /// Where a pixel position lies in the unit square.
    pub fn unit_from_pixel(self, pixel: Point) -> Point {
        Point::new((pixel.x + 0.5) / self.width as f64, (pixel.y + 0.5) / self.height as f64)
    }

    /// The pixel position of a point in the unit square.
    pub fn pixel_from_unit(self, unit: Point) -> Point {
        Point::new(unit.x * self.width as f64 - 0.5, unit.y * self.height as f64 - 0.5)
    }
}

/// As people write it: width, then height.
impl Display for Size {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.width, self.height)
    }
}

/// An axis-parallel box in pixels, both corners included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 4]", into = "[f64; 4]")]
pub struct BoundingBox {
    /// Left edge.
    pub x1: f64,
    /// Upper edge.
    pub y1: f64,
    /// Right edge.
    pub x2: f64,
    /// Lower edge.
    pub y2: f64,
}

impl BoundingBox {
    /// The smallest box around `points`; `None` without points.
    pub fn around(points: &[Point]) -> Option<Self> {
        let first = points.first()?;
        let start = Self { x1: first.x, y1: first.y, x2: first.x, y2: first.y };
        Some(points.iter().fold(start, |bounds, point| Self {
            x1: bounds.x1.min(point.x),
            y1: bounds.y1.min(point.y),
            x2: bounds.x2.max(point.x),
            y2: bounds.y2.max(point.y),
        }))
    }

    /// The larger of width (`x2 - x1`) and height (`y2 - y1`): the length PCK thresholds refer to.
    pub fn longer_side(self) -> f64 {
        (self.x2 - self.x1).max(self.y2 - self.y1)
    }
}

impl From<[f64; 4]> for BoundingBox {
    fn from([x1, y1, x2, y2]: [f64; 4]) -> Self {
        Self { x1, y1, x2, y2 }
    }
}

impl From<BoundingBox> for [f64; 4] {
    fn from(bounds: BoundingBox) -> Self {
        [bounds.x1, bounds.y1, bounds.x2, bounds.y2]
    }
}

/// How a photo is shown otherwise than it is: mirrored first if it is, then turned clockwise.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub(crate) struct Turn {
    /// Left and right exchanged.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mirrored: bool,
    /// By how many right angles, 0 to 3.
    #[serde(default, skip_serializing_if = "is_default")]
    pub quarters: u8,
}

impl Turn {
    /// As it is.
    pub(crate) const NONE: Self = Self { mirrored: false, quarters: 0 };

    /// Where a point of the photo's unit square lies in that of the turned photo.
    pub(crate) fn apply(self, unit: Point) -> Point {
        let Point { x, y } = unit;
        let x = if self.mirrored { 1.0 - x } else { x };
        match self.quarters {
            0 => Point::new(x, y),
            1 => Point::new(1.0 - y, x),
            2 => Point::new(1.0 - x, 1.0 - y),
            _ => Point::new(y, 1.0 - x),
        }
    }

    /// The other way: where a point of the turned photo lies in the photo itself.
    pub(crate) fn undo(self, unit: Point) -> Point {
        let Point { x, y } = unit;
        let (x, y) = match self.quarters {
            0 => (x, y),
            1 => (y, 1.0 - x),
            2 => (1.0 - x, 1.0 - y),
            _ => (1.0 - y, x),
        };
        Point::new(if self.mirrored { 1.0 - x } else { x }, y)
    }

    /// The size of the turned photo.
    pub(crate) fn size(self, photo: Size) -> Size {
        if self.quarters % 2 == 1 { Size::new(photo.width, photo.height) } else { photo }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_square_and_pixels_are_inverse() {
        let size = Size::new(3, 7);
        let pixel = Point::new(5.25, 0.5);
        let back = size.pixel_from_unit(size.unit_from_pixel(pixel));
        assert!(back.distance(pixel) < 1e-12);
        assert_eq!(size.unit_from_pixel(Point::new(-0.5, 2.5)), Point::new(0.0, 1.0));
    }

    #[test]
    fn box_around_points_spans_them() {
        let bounds = BoundingBox::around(&[Point::new(4.0, 1.0), Point::new(2.0, 9.0)]).unwrap();
        assert_eq!(bounds, BoundingBox { x1: 2.0, y1: 1.0, x2: 4.0, y2: 9.0 });
        assert_eq!(bounds.longer_side(), 8.0);
        assert_eq!(BoundingBox::around(&[]), None);
    }

    #[test]
    fn a_turn_and_its_undoing_lead_back() {
        let (unit, size) = (Point::new(0.25, 0.125), Size::new(2, 4));
        for quarters in 0..4 {
            for mirrored in [false, true] {
                let turn = Turn { mirrored, quarters };
                assert_eq!(turn.undo(turn.apply(unit)), unit);
                assert_eq!(turn.size(turn.size(size)), size);
            }
        }
        let turned = |mirrored, quarters| Turn { mirrored, quarters }.apply(unit);
        assert_eq!(turned(false, 1), Point::new(0.875, 0.25), "the top goes to the right");
        assert_eq!(turned(true, 0), Point::new(0.75, 0.125));
        assert_eq!(turned(true, 2), Point::new(0.25, 0.875));
    }
}
