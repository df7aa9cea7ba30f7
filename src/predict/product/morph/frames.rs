//! The pictures between the photos.

use image::RgbImage;
use image::imageops::replace;
use rayon::prelude::*;

use crate::data::photo::resize::resize_like_pillow;
use crate::geometry::{Point, Size};
use crate::predict::product::morph::halfway::Halfway;
use crate::predict::product::morph::stage::Stage;

/// Around a photo of another aspect than the stage's it shows itself, with so few pixels along its longer side that
/// only colours remain.
const GROUND: f64 = 6.0;
/// How often a place halfway is improved by where it comes out: each time it is three times as near or better, where
/// the photos differ in scale up to two, and nearer everywhere.
const ROUNDS: usize = 12;

/// The pictures between the photos.
pub(super) struct Frames<'a> {
    size: Size,
    halfway: &'a Halfway,
    /// The stage with the source alone, and with the target.
    ends: [RgbImage; 2],
}

impl<'a> Frames<'a> {
    /// Both photos on their stage.
    pub(super) fn new(photos: [&RgbImage; 2], stage: &Stage, halfway: &'a Halfway) -> Self {
        let ends = [0, 1].map(|index| {
            let place = stage.places[index];
            let mut end = ground(photos[index], stage.size);
            let [left, top] = place.corner.map(|corner| corner as i64);
            replace(&mut end, &resize_like_pillow(photos[index], place.size), left, top);
            end
        });
        Self { size: stage.size, halfway, ends }
    }

    /// From the source to the target in so many steps, slow at both ends.
    pub(super) fn there(&self, steps: usize) -> Vec<RgbImage> {
        let part = |step: usize| smooth(step as f64 / steps as f64);
        let between = (1..steps).map(|step| self.at(part(step)));
        let [source, target] = self.ends.clone();
        std::iter::once(source).chain(between).chain([target]).collect()
    }

    /// The picture after a part of the way, 0 to 1.
    fn at(&self, part: f64) -> RgbImage {
        let Size { height, width } = self.size;
        let mut bytes = vec![0; self.size.area() * 3];
        bytes.par_chunks_mut(width * 3).enumerate().for_each(|(row, pixels)| {
            for (column, pixel) in pixels.chunks_mut(3).enumerate() {
                let [from, to] = self.places(Point::new(column as f64, row as f64), part);
                let (from, to) = (sample(&self.ends[0], from), sample(&self.ends[1], to));
                for (channel, value) in pixel.iter_mut().enumerate() {
                    *value = (from[channel] + (to[channel] - from[channel]) * part).round() as u8;
                }
            }
        });
        RgbImage::from_raw(width as u32, height as u32, bytes).expect("three bytes a pixel")
    }

    /// The places in source and target that are seen at a place after a part of the way.
    fn places(&self, seen: Point, part: f64) -> [Point; 2] {
        let along = 2.0 * part - 1.0;
        let (mut middle, mut step) = (seen, self.halfway.step(seen));
        for _ in 0..ROUNDS {
            middle = Point::new(seen.x - along * step.x, seen.y - along * step.y);
            step = self.halfway.step(middle);
        }
        [
            Point::new(middle.x - step.x, middle.y - step.y),
            Point::new(middle.x + step.x, middle.y + step.y),
        ]
    }
}

/// A photo's colours all over a picture.
fn ground(photo: &RgbImage, size: Size) -> RgbImage {
    let scale = GROUND / size.longer_side() as f64;
    let side = |pixels: usize| ((pixels as f64 * scale).round() as usize).max(1);
    let colours = resize_like_pillow(photo, Size::new(side(size.height), side(size.width)));
    resize_like_pillow(&colours, size)
}

/// Of 0 to 1, slow at both ends.
fn smooth(part: f64) -> f64 {
    part * part * (3.0 - 2.0 * part)
}

/// The colour at a position, bilinear; beyond the rim it is the rim's.
fn sample(picture: &RgbImage, Point { x, y }: Point) -> [f64; 3] {
    let along = |position: f64, side: u32| {
        let position = position.clamp(0.0, f64::from(side - 1));
        let first = position as u32;
        (first, (first + 1).min(side - 1), position - f64::from(first))
    };
    let (left, right, across) = along(x, picture.width());
    let (top, bottom, downwards) = along(y, picture.height());
    let at = |x, y, channel: usize| f64::from(picture.get_pixel(x, y).0[channel]);
    [0, 1, 2].map(|channel| {
        let row = |y| {
            let (from, to) = (at(left, y, channel), at(right, y, channel));
            from + (to - from) * across
        };
        let (upper, lower) = (row(top), row(bottom));
        upper + (lower - upper) * downwards
    })
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::flow::{Flow, Matched};
    use crate::predict::correspondence::Correspondence;

    /// A photo that is black but for a white column.
    fn photo(column: u32) -> RgbImage {
        RgbImage::from_fn(200, 120, |x, _| Rgb([if x.abs_diff(column) <= 2 { 255 } else { 0 }; 3]))
    }

    /// The columns that are rather white, in the middle row.
    fn white(frame: &RgbImage) -> Vec<u32> {
        (0..frame.width()).filter(|x| frame.get_pixel(*x, 60).0[0] > 200).collect()
    }

    #[test]
    fn what_corresponds_moves_and_is_not_doubled() {
        let cells = Size::new(12, 20);
        let flow = |by: f32| {
            let channels = [vec![by; cells.area()], vec![0.0; cells.area()]].concat();
            let mut found: Matched = Flow::from_channels(cells, &channels).into();
            found.confidence = Some(vec![1.0; cells.area()]);
            found
        };
        let size = Size::new(120, 200);
        // Of 20 cells, four: 40 pixels.
        let pair = Correspondence::new(flow(4.0), Some(flow(-4.0)), [size; 2]);
        let stage = Stage::new([size; 2], 640);
        let halfway = Halfway::new(&pair, &stage, 0.15);
        let (source, target) = (photo(80), photo(120));
        let frames = Frames::new([&source, &target], &stage, &halfway).there(4);
        assert_eq!((&frames[0], &frames[4], frames.len()), (&source, &target, 5));
        let columns = white(&frames[2]);
        assert!(
            columns.contains(&100) && columns.iter().all(|x| x.abs_diff(100) < 5),
            "{columns:?}"
        );
        // Without a match the photos are only faded: two grey columns.
        let none = Halfway::new(&pair, &stage, 1.1);
        let frames = Frames::new([&source, &target], &stage, &none).there(2);
        let greys = [80, 100, 120].map(|x| frames[1].get_pixel(x, 60).0[0]);
        assert_eq!(greys, [128, 0, 128]);
    }
}
