//! The pixels within an object's outline.

use rayon::prelude::*;

use crate::geometry::{Point, Size};

/// How near a corner may be to a pixel's centre and is the same.
const SAME: f64 = 1e-12;

/// Which pixels of a photo belong to an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mask {
    /// The photo's size.
    pub size: Size,
    /// Row by row.
    inside: Vec<bool>,
}

impl Mask {
    /// The pixels whose centres lie within a closed polygon, or on an edge or a corner of it: scikit-image's
    /// `draw.polygon`. A pixel is within if a ray from it crosses an odd number of edges; on an edge if those to its
    /// left and right do not agree.
    pub(crate) fn of(outline: &[Point], size: Size) -> Self {
        let mut inside = vec![false; size.area()];
        for (y, row) in inside.chunks_exact_mut(size.width).enumerate() {
            let y = y as f64;
            let from = outline.iter().cycle().skip(outline.len().saturating_sub(1));
            let edges: Vec<(Point, Point)> = from
                .zip(outline)
                .map(|(start, end)| (*start, *end))
                .filter(|(start, end)| touches_row(start.y - y, end.y - y))
                .collect();
            let corners: Vec<f64> = outline
                .iter()
                .filter(|corner| (corner.y - y).abs() < SAME)
                .map(|corner| corner.x)
                .collect();
            for (x, pixel) in row.iter_mut().enumerate() {
                let x = x as f64;
                let is_corner = corners.iter().any(|corner| (corner - x).abs() < SAME);
                *pixel = is_corner || is_within(&edges, Point::new(x, y));
            }
        }
        Self { size, inside }
    }

    /// The pixels for which a question by row and column says so.
    pub(crate) fn from_fn(size: Size, is_inside: impl Fn(usize, usize) -> bool + Sync) -> Self {
        let mut inside = vec![false; size.area()];
        inside.par_chunks_mut(size.width).enumerate().for_each(|(row, pixels)| {
            pixels
                .iter_mut()
                .enumerate()
                .for_each(|(column, pixel)| *pixel = is_inside(row, column));
        });
        Self { size, inside }
    }

    /// How many pixels belong to the object.
    pub(crate) fn area(&self) -> usize {
        self.inside.iter().filter(|inside| **inside).count()
    }

    /// Whether a pixel belongs to the object.
    pub(crate) fn at(&self, row: usize, column: usize) -> bool {
        self.inside[row * self.size.width + column]
    }

    /// How much of the object is at a position, bilinear; beyond the photo is nothing.
    pub(crate) fn sample(&self, position: Point) -> f64 {
        let (left, top) = (position.x.floor(), position.y.floor());
        let share = |x: f64, y: f64| {
            let (columns, rows) = (self.size.width as f64, self.size.height as f64);
            let is_pixel = (0.0..columns).contains(&x) && (0.0..rows).contains(&y);
            let weight = (1.0 - (position.x - x).abs()) * (1.0 - (position.y - y).abs());
            if is_pixel && self.at(y as usize, x as usize) { weight } else { 0.0 }
        };
        share(left, top)
            + share(left + 1.0, top)
            + share(left, top + 1.0)
            + share(left + 1.0, top + 1.0)
    }

    /// First and last column, first and last row of the object; none of an object without a pixel.
    pub(crate) fn extent(&self) -> Option<[[usize; 2]; 2]> {
        let Size { height, width } = self.size;
        let ends = |count: usize, is_taken: &dyn Fn(usize) -> bool| {
            let first = (0..count).find(|index| is_taken(*index))?;
            Some([first, (first..count).rfind(|index| is_taken(*index))?])
        };
        let columns = ends(width, &|column| (0..height).any(|row| self.at(row, column)))?;
        let rows = ends(height, &|row| (0..width).any(|column| self.at(row, column)))?;
        Some([columns, rows])
    }
}

/// Whether an edge between these heights above a row crosses or touches it; one along the row does not.
fn touches_row(start: f64, end: f64) -> bool {
    (start > 0.0) != (end > 0.0) || (start < 0.0) != (end < 0.0)
}

fn is_within(edges: &[(Point, Point)], pixel: Point) -> bool {
    let (mut to_the_right, mut to_the_left) = (false, false);
    for (start, end) in edges {
        let (start_x, start_y) = (start.x - pixel.x, start.y - pixel.y);
        let (end_x, end_y) = (end.x - pixel.x, end.y - pixel.y);
        let crossing = (end_x * start_y - start_x * end_y) / (start_y - end_y);
        // What only touches the row from below counts for one side, what only touches from above for the other.
        to_the_right ^= (start_y > 0.0) != (end_y > 0.0) && crossing > 0.0;
        to_the_left ^= (start_y < 0.0) != (end_y < 0.0) && crossing < 0.0;
    }
    to_the_right || to_the_left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let size = Size::new(rows.len(), rows[0].len());
        let inside = rows.iter().flat_map(|row| row.bytes().map(|pixel| pixel == b'#')).collect();
        Mask { size, inside }
    }

    fn polygon(corners: &[[f64; 2]]) -> Vec<Point> {
        corners.iter().map(|corner| Point::from(*corner)).collect()
    }

    #[test]
    fn edges_and_corners_count() {
        let square = polygon(&[[1.0, 1.0], [3.0, 1.0], [3.0, 2.0], [1.0, 2.0]]);
        let wanted = mask(&[".....", ".###.", ".###.", "....."]);
        assert_eq!(Mask::of(&square, wanted.size), wanted);
        let point = polygon(&[[2.0, 1.0], [2.0, 1.0]]);
        assert_eq!(Mask::of(&point, Size::new(2, 3)), mask(&["...", "..#"]));
        assert_eq!(Mask::of(&[], Size::new(1, 2)), mask(&[".."]));
    }

    #[test]
    fn samples_are_bilinear_and_nothing_lies_beyond() {
        let mask = mask(&["#..", ".#."]);
        assert_eq!(mask.sample(Point::new(0.25, 0.0)), 0.75);
        assert_eq!(mask.sample(Point::new(0.5, 0.5)), 0.5);
        assert_eq!(mask.sample(Point::new(-0.25, -0.5)), 0.375);
        assert_eq!(mask.sample(Point::new(f64::NAN, 0.0)), 0.0);
        assert_eq!(mask.extent(), Some([[0, 1], [0, 1]]));
        assert_eq!(Mask::of(&[], Size::new(2, 2)).extent(), None);
    }
}
