//! Room for a number beside each dot.

use crate::drawing::panels::Placement;
use crate::drawing::text::{self, CAPITALS};
use crate::geometry::Point;

/// Sizes in hundredths of a photo's size.
const TEXT: f64 = 2.9;
const GAP: f64 = 0.7;
/// The smallest number that is read easily, in pixels.
const SMALLEST_TEXT: f64 = 13.0;
/// Directions in which a number may stand from its dot, the best first.
const DIRECTIONS: [(f64, f64); 8] = [
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.0, -1.0),
    (0.0, 1.0),
    (0.75, -0.75),
    (-0.75, -0.75),
    (0.75, 0.75),
    (-0.75, 0.75),
];

/// The numbers of one photo, and what they must not cover.
pub(super) struct Labels {
    photo: Placement,
    gap: f64,
    /// The text's size, in pixels.
    pub size: f64,
    /// Dots with their radii.
    dots: Vec<(Point, f64)>,
    taken: Vec<Area>,
}

/// A rectangle.
#[derive(Clone, Copy)]
struct Area {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Labels {
    /// Nothing is placed yet; `unit` is a hundredth of the photo's size.
    pub(super) fn new(photo: Placement, unit: f64, dots: Vec<(Point, f64)>) -> Self {
        let size = (TEXT * unit).max(SMALLEST_TEXT);
        Self { photo, gap: GAP * unit, size, dots, taken: Vec::new() }
    }

    /// Where the text of a dot's number begins, if there is room for it.
    pub(super) fn place(&mut self, number: &str, dot: Point, radius: f64) -> Option<Point> {
        let (width, height) = (text::width(number, self.size), CAPITALS * self.size);
        let area = |(x, y): (f64, f64)| {
            let centre = Point::new(
                dot.x + x * (radius + self.gap + width / 2.0),
                dot.y + y * (radius + self.gap + height / 2.0),
            );
            Area {
                left: centre.x - width / 2.0,
                top: centre.y - height / 2.0,
                right: centre.x + width / 2.0,
                bottom: centre.y + height / 2.0,
            }
        };
        let free = DIRECTIONS.into_iter().map(area).find(|area| self.is_free(area, dot))?;
        self.taken.push(free);
        Some(Point::new(free.left, free.bottom))
    }

    fn is_free(&self, area: &Area, own: Point) -> bool {
        let Placement { left, top, width, height, .. } = self.photo;
        let inside = area.left >= left
            && area.right <= left + width
            && area.top >= top
            && area.bottom <= top + height;
        let meets = |(dot, radius): &(Point, f64)| {
            let nearest =
                Point::new(dot.x.clamp(area.left, area.right), dot.y.clamp(area.top, area.bottom));
            *dot != own && nearest.distance(*dot) < *radius
        };
        let overlaps = |other: &Area| {
            area.left < other.right
                && other.left < area.right
                && area.top < other.bottom
                && other.top < area.bottom
        };
        inside && !self.dots.iter().any(meets) && !self.taken.iter().any(overlaps)
    }
}
