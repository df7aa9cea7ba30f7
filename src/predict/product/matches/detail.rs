//! Where a photo shows something that the eye can find again: points on bare sky or wall tell nothing.

use image::RgbImage;

use crate::data::photo::resize::resize_like_pillow;
use crate::drawing::colour::brightness;
use crate::geometry::{Point, Size};

/// The longer side, in pixels, at which a photo is looked at.
const SIDE: f64 = 192.0;
/// How far the neighbourhood of a point reaches, in those pixels.
const REACH: usize = 3;
/// The standard deviation of the brightness (0 to 1) in a neighbourhood from which it is full of detail.
const FULL: f64 = 0.06;

/// How much there is to see around each point of a photo.
pub(super) struct Detail {
    size: Size,
    /// 0 to 1, row by row.
    values: Vec<f64>,
}

impl Detail {
    /// Looks at a photo.
    pub(super) fn of(photo: &RgbImage) -> Self {
        let (width, height) = photo.dimensions();
        let shrink = (SIDE / f64::from(width.max(height))).min(1.0);
        let side = |pixels: u32| ((f64::from(pixels) * shrink).round() as usize).max(1);
        let size = Size::new(side(height), side(width));
        let small = resize_like_pillow(photo, size);
        let light: Vec<f64> = small.pixels().map(|pixel| brightness(*pixel)).collect();
        let around =
            |at: usize, sides: usize| at.saturating_sub(REACH)..(at + REACH + 1).min(sides);
        let values = (0..size.area()).map(|index| {
            let (row, column) = (index / size.width, index % size.width);
            let rows = around(row, size.height);
            let light = &light;
            let cells = rows.flat_map(|row| {
                around(column, size.width).map(move |column| light[row * size.width + column])
            });
            (deviation(cells) / FULL).min(1.0)
        });
        Self { size, values: values.collect() }
    }

    /// 0 to 1, at a point of the photo's unit square.
    pub(super) fn at(&self, unit: Point) -> f64 {
        let cell = |part: f64, cells: usize| ((part * cells as f64) as usize).min(cells - 1);
        self.values
            [cell(unit.y, self.size.height) * self.size.width + cell(unit.x, self.size.width)]
    }
}

fn deviation(values: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        sum += value;
        squares += value * value;
    }
    let mean: f64 = sum / count;
    (squares / count - mean * mean).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn there_is_something_to_see_where_the_light_changes() {
        let photo = RgbImage::from_fn(600, 300, |x, y| {
            Rgb([if x > 300 && (x / 20 + y / 20) % 2 == 0 { 200 } else { 120 }; 3])
        });
        let detail = Detail::of(&photo);
        assert!(detail.at(Point::new(0.2, 0.5)) < 0.01);
        assert!(detail.at(Point::new(0.8, 0.5)) > 0.9);
        assert!(detail.at(Point::new(0.9, 0.95)) > 0.9);
        assert!(detail.at(Point::new(1.0, 1.0)) <= 1.0);
        assert_eq!(Detail::of(&RgbImage::new(1, 1)).at(Point::new(0.5, 0.5)), 0.0);
    }
}
