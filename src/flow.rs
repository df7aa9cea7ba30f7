//! A dense flow field as plain numbers, and how it moves between frames.
//!
//! A flow lives on the SOURCE grid and points to the target: source pixel `p` corresponds to target
//! pixel `p + flow(p)`. Channel 0 is x (right), channel 1 is y (down).

use std::fmt::Debug;
use std::sync::Arc;

use rayon::prelude::*;

use crate::geometry::{Point, Size};

/// A dense flow field on the source grid, pointing to the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// The grid the flow is stored on.
    pub size: Size,
    /// Displacement to the right, row by row: `height * width` values.
    pub dx: Vec<f32>,
    /// Displacement down, row by row: `height * width` values.
    pub dy: Vec<f32>,
}

impl Flow {
    /// A flow of zeros: every pixel corresponds to the same position.
    pub fn zero(size: Size) -> Self {
        Self { size, dx: vec![0.0; size.area()], dy: vec![0.0; size.area()] }
    }

    /// A flow from the values of a `[2, height, width]` array.
    ///
    /// # Panics
    /// When `values` does not hold exactly `2 * height * width` numbers.
    pub fn from_channels(size: Size, values: &[f32]) -> Self {
        assert_eq!(values.len(), 2 * size.area(), "a flow of {size:?} has two channels");
        let (dx, dy) = values.split_at(size.area());
        Self { size, dx: dx.to_vec(), dy: dy.to_vec() }
    }

    /// The displacement stored at one grid cell.
    pub fn at(&self, row: usize, column: usize) -> Point {
        let index = row * self.size.width + column;
        Point::new(f64::from(self.dx[index]), f64::from(self.dy[index]))
    }

    /// Bilinear sample at a position in this grid's own pixels; beyond the rim the rim's value holds
    /// (libtorch's `align_corners = false` rule).
    pub fn sample(&self, pixel: Point) -> Point {
        let [x, y] = bilinear(self.size, [&self.dx, &self.dy], pixel);
        Point::new(x, y)
    }

    /// Where a point of the source's unit square lies in the target's unit square, for a flow stored
    /// in its own grid's pixels (as a network returns it).
    pub fn target_from_source_unit(&self, unit: Point) -> Point {
        let displacement = self.sample(self.size.pixel_from_unit(unit));
        Point::new(
            unit.x + displacement.x / self.size.width as f64,
            unit.y + displacement.y / self.size.height as f64,
        )
    }

    /// Where a pixel position of the original source image lies in the original target image, for a
    /// flow stored in its own grid's pixels.
    pub fn transfer(&self, pixel: Point, source: Size, target: Size) -> Point {
        target.pixel_from_unit(self.target_from_source_unit(source.unit_from_pixel(pixel)))
    }

    /// Where a position of a frame to which photos are stretched, of `side` pixels, lies in the target's: by the flow
    /// enlarged to the frame.
    pub(crate) fn transfer_in_frame(&self, position: Point, side: f64) -> Point {
        let frame = Size::square(side as usize);
        let step = self.sample(self.size.pixel_from_unit(frame.unit_from_pixel(position)));
        Point::new(
            position.x + step.x * side / self.size.width as f64,
            position.y + step.y * side / self.size.height as f64,
        )
    }

    /// This network flow on the pixels of the original source image, in pixels of the original target
    /// image: source pixel centre, unit square, bilinear sample, unit square of the target, target
    /// pixel.
    pub fn to_original(&self, source: Size, target: Size) -> Self {
        let mut original = Self::zero(source);
        let rows =
            original.dx.par_chunks_mut(source.width).zip(original.dy.par_chunks_mut(source.width));
        rows.enumerate().for_each(|(row, (dx, dy))| {
            for column in 0..source.width {
                let pixel = Point::new(column as f64, row as f64);
                let matched = self.transfer(pixel, source, target);
                dx[column] = (matched.x - pixel.x) as f32;
                dy[column] = (matched.y - pixel.y) as f32;
            }
        });
        original
    }
}

/// Moves points from one photo to another by something else than a flow.
pub(crate) trait PointTransfer: Debug + Send + Sync {
    /// Whether pixel p of N lies at p / N in the unit square, as many authors' code has it; at its centre,
    /// (p + 0.5) / N, otherwise.
    fn counts_corners(&self) -> bool {
        false
    }

    /// Where a point of the source's unit square lies in the target's unit square.
    fn target_from_source_unit(&self, unit: Point) -> Point;

    /// The rule in words: how a point moves, and whose rule that is.
    fn rule(&self) -> &'static str;
}

/// What is asked of a matcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Where everything lies.
    Matches,
    /// Also how likely each match is right, of matchers that can say: it takes `lite` a twelfth longer.
    Confidence,
}

/// What a matcher found between two photos.
#[derive(Clone, Debug)]
pub(crate) struct Matched {
    /// On the matcher's own grid and in its pixels.
    pub flow: Flow,
    /// How points move, of matchers that have a rule of their own for them.
    pub points: Option<Arc<dyn PointTransfer>>,
    /// How likely the match of each of the grid's cells is right, 0 to 1, of matchers that can say.
    pub confidence: Option<Vec<f32>>,
}

impl From<Flow> for Matched {
    fn from(flow: Flow) -> Self {
        Self { flow, points: None, confidence: None }
    }
}

impl Matched {
    /// Where a point of the source's unit square lies in the target's unit square.
    pub(crate) fn target_from_source_unit(&self, unit: Point) -> Point {
        match &self.points {
            Some(points) => points.target_from_source_unit(unit),
            None => self.flow.target_from_source_unit(unit),
        }
    }

    /// Where a position of a frame to which photos are stretched, of `side` pixels, lies in the target's.
    pub(crate) fn transfer_in_frame(&self, position: Point, side: f64) -> Point {
        let frame = Size::square(side as usize);
        match &self.points {
            Some(points) if points.counts_corners() => {
                let unit = Point::new(position.x / side, position.y / side);
                let found = points.target_from_source_unit(unit);
                Point::new(found.x * side, found.y * side)
            }
            Some(points) => frame
                .pixel_from_unit(points.target_from_source_unit(frame.unit_from_pixel(position))),
            None => self.flow.transfer_in_frame(position, side),
        }
    }

    /// Where a pixel position of the original source image lies in the original target image.
    pub(crate) fn transfer(&self, pixel: Point, source: Size, target: Size) -> Point {
        if let Some(points) = self.points.as_ref().filter(|points| points.counts_corners()) {
            let parts = |size: Size| (size.width as f64, size.height as f64);
            let ((width, height), (target_width, target_height)) = (parts(source), parts(target));
            let unit = Point::new(pixel.x / width, pixel.y / height);
            let found = points.target_from_source_unit(unit);
            return Point::new(found.x * target_width, found.y * target_height);
        }
        target.pixel_from_unit(self.target_from_source_unit(source.unit_from_pixel(pixel)))
    }

    /// The matcher's own confidence at a point of the source's unit square, if it has one.
    pub(crate) fn confidence(&self, unit: Point) -> Option<f64> {
        let size = self.flow.size;
        let values = self.confidence.as_deref()?;
        let [confidence] = bilinear(size, [values], size.pixel_from_unit(unit));
        Some(confidence)
    }
}

/// Maps of one size at a position in their own pixels, bilinear; beyond the rim the rim's value holds.
fn bilinear<const N: usize>(size: Size, maps: [&[f32]; N], pixel: Point) -> [f64; N] {
    let (left, right, along_x) = neighbours(pixel.x, size.width);
    let (top, bottom, along_y) = neighbours(pixel.y, size.height);
    maps.map(|values| {
        let value = |row: usize, column: usize| f64::from(values[row * size.width + column]);
        let upper = value(top, left) * (1.0 - along_x) + value(top, right) * along_x;
        let lower = value(bottom, left) * (1.0 - along_x) + value(bottom, right) * along_x;
        upper * (1.0 - along_y) + lower * along_y
    })
}

/// The two cells around a position along one axis, clamped to the grid, and the weight of the second.
fn neighbours(position: f64, cells: usize) -> (usize, usize, f64) {
    let last = cells - 1;
    // `max` first also sends NaN to the first cell instead of an absurd index.
    let position = position.max(0.0).min(last as f64);
    let first = position.floor() as usize;
    (first, (first + 1).min(last), position - first as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The network flow of an affine map between unit squares, exact at every cell centre.
    fn affine_flow(size: Size, map: impl Fn(Point) -> Point) -> Flow {
        let mut flow = Flow::zero(size);
        for row in 0..size.height {
            for column in 0..size.width {
                let unit = size.unit_from_pixel(Point::new(column as f64, row as f64));
                let matched = map(unit);
                let index = row * size.width + column;
                flow.dx[index] = ((matched.x - unit.x) * size.width as f64) as f32;
                flow.dy[index] = ((matched.y - unit.y) * size.height as f64) as f32;
            }
        }
        flow
    }

    #[test]
    fn affine_map_between_different_sizes_is_exact_in_original_pixels() {
        let map = |p: Point| Point::new(0.1 + 0.7 * p.x - 0.1 * p.y, 0.05 + 0.2 * p.x + 0.6 * p.y);
        let flow = affine_flow(Size::square(128), map);
        let (source, target) = (Size::new(301, 417), Size::new(640, 235));
        let original = flow.to_original(source, target);
        // The outermost half network cell repeats the rim, so it is left out.
        for row in 2..source.height - 2 {
            for column in 2..source.width - 2 {
                let pixel = Point::new(column as f64, row as f64);
                let wanted = target.pixel_from_unit(map(source.unit_from_pixel(pixel)));
                let step = original.at(row, column);
                let found = Point::new(pixel.x + step.x, pixel.y + step.y);
                assert!(found.distance(wanted) < 1e-3, "{pixel:?}: {found:?} is not {wanted:?}");
            }
        }
    }

    #[test]
    fn zero_flow_maps_corners_to_corners_of_a_target_of_another_size() {
        let matched = Flow::zero(Size::square(16)).transfer(
            Point::new(-0.5, 9.5),
            Size::new(10, 20),
            Size::new(50, 30),
        );
        assert_eq!(matched, Point::new(-0.5, 49.5));
    }

    #[test]
    fn samples_beyond_the_rim_repeat_it() {
        let flow = Flow::from_channels(Size::new(1, 2), &[1.0, 3.0, 0.0, -2.0]);
        assert_eq!(flow.sample(Point::new(-4.0, 7.0)), Point::new(1.0, 0.0));
        assert_eq!(flow.sample(Point::new(0.5, 0.0)), Point::new(2.0, -1.0));
        assert_eq!(flow.sample(Point::new(9.0, 0.0)), Point::new(3.0, -2.0));
    }
}
