//! The confidence laid over the photo in colours, with their scale below.

use image::{Rgb, RgbImage};
use rayon::prelude::*;

use crate::drawing::canvas::{Canvas, Ink};
use crate::drawing::colour::{greyed, mixed, viridis};
use crate::drawing::strip::{Strip, enlarged};
use crate::drawing::text;
use crate::geometry::{Point, Size};
use crate::predict::correspondence::Correspondence;

/// How far the colours cover the photo.
const COVER: f64 = 0.62;
/// The scale's height, in text sizes.
const BAR: f64 = 0.9;
/// Numbers at the scale.
const TICKS: [(f64, &str); 3] = [(0.0, "0"), (0.5, "0.5"), (1.0, "1")];
const CAPTION: &str =
    "How sure it is where each place lies in the second photo. 0: not at all. 1: certain.";

/// Draws the photo in grey with its confidence over it.
pub(super) fn draw(pair: &Correspondence, photo: &RgbImage) -> RgbImage {
    let coloured = coloured(pair, photo);
    let (width, height) = (f64::from(coloured.width()), f64::from(coloured.height()));
    let unit = (width * height).sqrt() / 100.0;
    let words = Strip::new(CAPTION, unit, width);
    let scale_height = (words.margin + (BAR + 1.4) * words.size).ceil();
    let whole = height + scale_height + words.height();
    let mut canvas = Canvas::new(Size::new(whole as usize, width as usize));
    canvas.paste(&coloured, 0, 0);
    draw_scale(&mut canvas, &words, height + words.margin, width - 2.0 * words.margin);
    words.draw(&mut canvas, height + scale_height);
    canvas.into_picture()
}

/// The photo, enlarged if it is small, in the colours of its confidence.
fn coloured(pair: &Correspondence, photo: &RgbImage) -> RgbImage {
    let mut picture = enlarged(photo).into_owned();
    let size = Size::new(picture.height() as usize, picture.width() as usize);
    picture.par_chunks_mut(3 * size.width).enumerate().for_each(|(row, pixels)| {
        for (column, pixel) in pixels.chunks_mut(3).enumerate() {
            let unit = size.unit_from_pixel(Point::new(column as f64, row as f64));
            let confidence = pair.confidence(pair.source.pixel_from_unit(unit));
            let grey = greyed(Rgb([pixel[0], pixel[1], pixel[2]]), [0.0, 1.0]);
            pixel.copy_from_slice(&mixed(grey, viridis(confidence), COVER));
        }
    });
    picture
}

/// A bar of all colours, and what they stand for.
fn draw_scale(canvas: &mut Canvas, words: &Strip, top: f64, width: f64) {
    let Strip { size, margin: left, .. } = *words;
    let columns = width.floor() as usize;
    for column in 0..columns {
        let value = column as f64 / (columns.max(2) - 1) as f64;
        let corner = Point::new(left.round() + column as f64, top);
        canvas.rectangle(corner, 1.0, BAR * size, Ink::solid(viridis(value)));
    }
    for (value, number) in TICKS {
        let at = left.round() + value * width.floor();
        let room = text::width(number, size);
        let start = Point::new(at - value * room, top + (BAR + 1.1) * size);
        canvas.text(number, start, size, Ink::TEXT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::colour::brightness;
    use crate::flow::{Flow, Matched};

    #[test]
    fn sure_places_are_light_and_the_scale_says_so() {
        let grid = Size::new(1, 2);
        let mut forward: Matched = Flow::zero(grid).into();
        forward.confidence = Some(vec![0.0, 1.0]);
        let size = Size::new(300, 600);
        let pair = Correspondence::new(forward, None, [size; 2]);
        let picture = draw(&pair, &RgbImage::from_pixel(600, 300, Rgb([90; 3])));
        assert!(picture.width() == 600 && (320..420).contains(&picture.height()));
        let light = |x, y| brightness(*picture.get_pixel(x, y));
        assert!(light(590, 150) > light(10, 150) + 0.3);
        // Where the scale lies the colours run from dark to light.
        let bar = (300..picture.height()).find(|y| light(30, *y) < 0.3).unwrap() + 2;
        assert!(light(30, bar) < light(300, bar) && light(300, bar) < light(570, bar));
    }
}
