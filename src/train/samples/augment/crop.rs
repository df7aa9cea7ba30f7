//! The random crop: always contains the object's box, free aspect, stretched back to the frame.

use rand::{Rng, RngExt};

use crate::geometry::{BoundingBox, Point, Size};
use crate::train::samples::planes::Planes;

/// A window of the frame, in its whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crop {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Rows and columns.
    pub size: Size,
}

impl Crop {
    /// Draws a window that contains the object's box; `None` where the box, cut to the frame, is
    /// empty.
    ///
    /// `bounds` is the box in the frame. Parity: its edges are rounded down, and the draws come in
    /// the order left, top, bottom, right.
    pub(crate) fn draw(rng: &mut impl Rng, bounds: BoundingBox, frame: Size) -> Option<Self> {
        let whole = |edge: f64, length: usize| edge.floor().clamp(0.0, length as f64) as usize;
        let left = rng.random_range(0..=whole(bounds.x1, frame.width));
        let top = rng.random_range(0..=whole(bounds.y1, frame.height));
        let bottom = rng.random_range(whole(bounds.y2, frame.height)..=frame.height);
        let right = rng.random_range(whole(bounds.x2, frame.width)..=frame.width);
        let size = Size::new(bottom.checked_sub(top)?, right.checked_sub(left)?);
        (size.area() > 0).then_some(Self { left, top, size })
    }

    /// The window's part of the photo, stretched to the photo's size: bilinear, half-pixel centres.
    ///
    /// # Panics
    /// When the window does not lie inside the photo.
    pub(crate) fn apply(self, planes: &Planes) -> Planes {
        let size = planes.size;
        let columns = taps(self.size.width, size.width);
        let rows = taps(self.size.height, size.height);
        let mut values = Vec::with_capacity(planes.values.len());
        for plane in planes.values.chunks_exact(size.area()) {
            let row = |index: usize| {
                let start = (self.top + index) * size.width + self.left;
                &plane[start..start + self.size.width]
            };
            for vertical in &rows {
                let (above, below) = (row(vertical.first), row(vertical.second));
                values.extend(columns.iter().map(|tap| {
                    vertical.blend(
                        tap.blend(above[tap.first], above[tap.second]),
                        tap.blend(below[tap.first], below[tap.second]),
                    )
                }));
            }
        }
        Planes { size, values }
    }

    /// Where a keypoint of the frame lies after the crop; points outside the window move to the rim.
    ///
    /// Parity: scaled about 0, half a pixel of scale off from what happens to the photo.
    pub(crate) fn transfer(self, point: Point, frame: Size) -> Point {
        let along = |position: f64, start: usize, length: usize, frame: usize| {
            let stretched = (position - start as f64) * frame as f64 / length as f64;
            stretched.clamp(0.0, (frame - 1) as f64)
        };
        Point::new(
            along(point.x, self.left, self.size.width, frame.width),
            along(point.y, self.top, self.size.height, frame.height),
        )
    }
}

/// Two neighbouring positions along one axis and the weight of the second.
#[derive(Clone, Copy, Debug)]
struct Tap {
    first: usize,
    second: usize,
    weight: f32,
}

impl Tap {
    fn blend(self, first: f32, second: f32) -> f32 {
        first * (1.0 - self.weight) + second * self.weight
    }
}

fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let tap = |index: usize| {
        let position = ((index as f64 + 0.5) * scale - 0.5).max(0.0);
        let first = position.floor() as usize;
        let second = (first + 1).min(from - 1);
        Tap { first, second, weight: (position - first as f64) as f32 }
    };
    (0..to).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::samples::random::{Purpose, generator};

    const FRAME: Size = Size::square(64);

    #[test]
    fn drawn_windows_contain_the_box_and_reach_both_of_its_edges_and_the_rim() {
        let bounds = BoundingBox { x1: 3.7, y1: 2.0, x2: 60.2, y2: 62.9 };
        let mut rng = generator(3, Purpose::Augmentation, 0, 0);
        let mut lefts = [0; 4];
        let mut rights = [0; 5];
        for _ in 0..2000 {
            let crop = Crop::draw(&mut rng, bounds, FRAME).unwrap();
            lefts[crop.left] += 1;
            rights[crop.left + crop.size.width - 60] += 1;
            assert!(crop.top <= 2 && (62..=64).contains(&(crop.top + crop.size.height)));
        }
        assert!(lefts.iter().all(|&count| count > 400), "{lefts:?}");
        assert!(rights.iter().all(|&count| count > 300), "{rights:?}");
    }

    #[test]
    fn a_box_beyond_the_photo_is_cut_and_one_outside_gives_no_crop() {
        let mut rng = generator(3, Purpose::Augmentation, 0, 1);
        let beyond = BoundingBox { x1: -9.0, y1: 5.0, x2: 99.0, y2: 70.0 };
        let crop = Crop::draw(&mut rng, beyond, FRAME).unwrap();
        assert_eq!((crop.left, crop.size.width), (0, 64));
        let upside_down = BoundingBox { x1: 64.0, y1: 64.0, x2: 0.0, y2: 0.0 };
        for _ in 0..100 {
            if let Some(crop) = Crop::draw(&mut rng, upside_down, FRAME) {
                assert!(crop.size.area() > 0);
            }
        }
    }

    #[test]
    fn the_whole_frame_is_the_identity() {
        let values = (0..3 * 64 * 64).map(|value| value as f32).collect();
        let planes = Planes { size: FRAME, values };
        let crop = Crop { left: 0, top: 0, size: FRAME };
        assert_eq!(crop.apply(&planes), planes);
        assert_eq!(crop.transfer(Point::new(9.5, 63.0), FRAME), Point::new(9.5, 63.0));
    }

    #[test]
    fn stretching_a_window_equals_libtorchs_bilinear_resize() {
        let values: Vec<f32> = (0..3 * 64 * 64).map(|i| (i * i % 251) as f32 / 100.0).collect();
        let crop = Crop { left: 5, top: 20, size: Size::new(37, 50) };
        let whole = tch::Tensor::from_slice(&values).view([1, 3, 64, 64]);
        let window = whole.narrow(2, 20, 37).narrow(3, 5, 50);
        let wanted = window.upsample_bilinear2d([64, 64], false, None, None);
        let found = crop.apply(&Planes { size: FRAME, values });
        let found = tch::Tensor::from_slice(&found.values).view([1, 3, 64, 64]);
        assert!((found - wanted).abs().max().double_value(&[]) < 1e-5);
    }
}
