//! The parts of two photos that are looked at closer.

use crate::geometry::Point;

/// A rectangle of the network's frame, whose sides are 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    /// Its upper left corner.
    pub start: Point,
    /// Its lower right corner.
    pub end: Point,
}

/// Where to look in source and target.
pub(crate) type Parts = [Part; 2];

impl Part {
    /// Where a point of the frame lies in the part, whose sides then are 0 to 1.
    pub(crate) fn inside(&self, frame: Point) -> Point {
        let Self { start, end } = self;
        Point::new((frame.x - start.x) / (end.x - start.x), (frame.y - start.y) / (end.y - start.y))
    }

    /// How much larger it is seen alone than within the frame, the mean of both axes.
    pub(crate) fn zoom(&self) -> f64 {
        let Self { start, end } = self;
        ((end.x - start.x) * (end.y - start.y)).sqrt().recip()
    }

    /// Where a point of the part lies in the frame.
    pub(crate) fn outside(&self, inside: Point) -> Point {
        let Self { start, end } = self;
        let between = |start: f64, end: f64, along: f64| start + (end - start) * along;
        Point::new(between(start.x, end.x, inside.x), between(start.y, end.y, inside.y))
    }
}
