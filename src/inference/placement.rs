//! Where a photo lies in the network's square, and what a network found between two squares said of the photos.

use std::sync::Arc;

use crate::flow::{Flow, Matched, PointTransfer};
use crate::geometry::Point;

/// The part of the network's square that a photo covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placement {
    /// Its left edge as a part of the square's side.
    pub left: f64,
    /// Its upper edge, likewise.
    pub top: f64,
    /// Its width, likewise.
    pub width: f64,
    /// Its height, likewise.
    pub height: f64,
}

impl Placement {
    /// All of it.
    pub(crate) const WHOLE: Self = Self { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };

    /// Its lower right corner.
    pub(crate) fn end(self) -> Point {
        Point::new(self.left + self.width, self.top + self.height)
    }

    fn square_from_photo(self, unit: Point) -> Point {
        Point::new(self.left + unit.x * self.width, self.top + unit.y * self.height)
    }

    fn photo_from_square(self, unit: Point) -> Point {
        Point::new((unit.x - self.left) / self.width, (unit.y - self.top) / self.height)
    }
}

/// What was found between two squares, said of the photos in them: both unit squares become the photos'. The
/// flow keeps its grid, whose cells now are narrower or lower; it is sampled as everywhere (bilinear).
pub(crate) fn between_photos(found: Matched, source: Placement, target: Placement) -> Matched {
    if (source, target) == (Placement::WHOLE, Placement::WHOLE) {
        return found;
    }
    // The confidence of a square's position goes with it.
    let confidence = found.confidence.is_some().then(|| {
        let size = found.flow.size;
        let cells = (0..size.area()).map(|index| (index % size.width, index / size.width));
        let unit = |(column, row)| size.unit_from_pixel(Point::new(column as f64, row as f64));
        let square = cells.map(|cell| source.square_from_photo(unit(cell)));
        square.map(|square| found.confidence(square).unwrap_or_default() as f32).collect()
    });
    let Matched { flow: squares, points, .. } = found;
    let mut flow = Flow::zero(squares.size);
    for (index, (dx, dy)) in flow.dx.iter_mut().zip(&mut flow.dy).enumerate() {
        let (row, column) = (index / squares.size.width, index % squares.size.width);
        let cell = Point::new(column as f64, row as f64);
        let square = source.square_from_photo(squares.size.unit_from_pixel(cell));
        let matched = target.photo_from_square(squares.target_from_source_unit(square));
        let matched = squares.size.pixel_from_unit(matched);
        (*dx, *dy) = ((matched.x - cell.x) as f32, (matched.y - cell.y) as f32);
    }
    let points = points.map(|squares| -> Arc<dyn PointTransfer> {
        Arc::new(BetweenPhotos { squares, source, target })
    });
    Matched { flow, points, confidence }
}

/// A rule for points between squares, said of the photos in them.
#[derive(Debug)]
struct BetweenPhotos {
    squares: Arc<dyn PointTransfer>,
    source: Placement,
    target: Placement,
}

impl PointTransfer for BetweenPhotos {
    fn counts_corners(&self) -> bool {
        self.squares.counts_corners()
    }

    fn target_from_source_unit(&self, unit: Point) -> Point {
        let square = self.source.square_from_photo(unit);
        self.target.photo_from_square(self.squares.target_from_source_unit(square))
    }

    fn rule(&self) -> &'static str {
        self.squares.rule()
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::geometry::Size;
    use crate::inference::frame::{FrameKey, Input};
    use crate::model::input::InputRule;

    /// A map between squares of 96 pixels: every pixel moves by the same rule, whatever is shown.
    fn map(unit: Point) -> Point {
        Point::new(0.05 + 0.8 * unit.x - 0.1 * unit.y, 0.02 + 0.1 * unit.x + 0.7 * unit.y)
    }

    #[derive(Debug)]
    struct Map;

    impl PointTransfer for Map {
        fn target_from_source_unit(&self, unit: Point) -> Point {
            map(unit)
        }

        fn rule(&self) -> &'static str {
            "a point moves by the map"
        }
    }

    fn flow() -> Flow {
        let mut flow = Flow::zero(Size::square(48));
        for index in 0..flow.size.area() {
            let cell = Point::new((index % 48) as f64, (index / 48) as f64);
            let matched = flow.size.pixel_from_unit(map(flow.size.unit_from_pixel(cell)));
            flow.dx[index] = (matched.x - cell.x) as f32;
            flow.dy[index] = (matched.y - cell.y) as f32;
        }
        flow
    }

    #[test]
    fn an_affine_map_of_squares_moves_the_pixels_of_photos_of_any_aspect() {
        let input = Input::new(96, InputRule::PaddedSquare);
        let sizes = [Size::new(192, 96), Size::new(48, 96), Size::square(32), Size::new(64, 192)];
        for source in sizes {
            for target in sizes {
                let placement = |size: Size| {
                    let photo = RgbImage::new(size.width as u32, size.height as u32);
                    input.frame(FrameKey::of("a"), &photo).placement
                };
                let placements = [source, target].map(placement);
                // A photo's pixel in the square, in photo pixels per square pixel.
                let scale = |size: Size| size.longer_side() as f64 / 96.0;
                let square = Size::square(96);
                for points in [None, Some(Arc::new(Map) as Arc<dyn PointTransfer>)] {
                    let found = Matched { flow: flow(), points, confidence: None };
                    let found = between_photos(found, placements[0], placements[1]);
                    for (x, y) in [(0.3, 0.4), (0.5, 0.5), (0.8, 0.25), (0.1, 0.9)] {
                        let pixel = source.pixel_from_unit(Point::new(x, y));
                        let outer = |p: f64, s: f64| (p + 0.5) / s - 0.5;
                        let in_square = Point::new(
                            outer(pixel.x, scale(source)),
                            outer(pixel.y, scale(source)),
                        );
                        let moved = square.pixel_from_unit(map(square.unit_from_pixel(in_square)));
                        let inner = |p: f64| (p + 0.5) * scale(target) - 0.5;
                        let wanted = Point::new(inner(moved.x), inner(moved.y));
                        let moved = found.transfer(pixel, source, target);
                        assert!(moved.distance(wanted) < 1e-3, "{moved:?}, not {wanted:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_confidence_belongs_to_the_photos_part_of_the_square() {
        let confidence = (0..48 * 48).map(|index| (index % 48) as f32 / 47.0).collect();
        let squares = Matched { flow: flow(), points: None, confidence: Some(confidence) };
        let half = Placement { left: 0.0, top: 0.0, width: 0.5, height: 1.0 };
        for (across, wanted) in [(0.1, 0.05), (0.5, 0.25), (0.9, 0.45)] {
            let found = between_photos(squares.clone(), half, Placement::WHOLE);
            let confidence = found.confidence(Point::new(across, 0.3)).unwrap();
            assert!((confidence - wanted).abs() < 0.02, "{confidence}, not {wanted}");
        }
    }

    #[test]
    fn photos_that_fill_their_squares_keep_every_bit() {
        let found = between_photos(flow().into(), Placement::WHOLE, Placement::WHOLE);
        assert_eq!(found.flow, flow());
    }
}
