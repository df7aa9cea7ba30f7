//! What the weights found of some validation pairs, as a picture of each.

use anyhow::{Context, Result};
use image::RgbImage;

use crate::data::photo::resize::resize_like_pillow;
use crate::drawing::canvas::{Canvas, Ink};
use crate::drawing::text;
use crate::geometry::{Point, Size};
use crate::page;

/// Pairs that are shown.
const SHOWN: usize = 4;

/// Height of a picture's photos and most width of each, in pixels.
const HEIGHT: f64 = 240.0;
const WIDEST: f64 = 330.0;
/// Between and around them.
const GAP: f64 = 6.0;
/// Size of the words below.
const TEXT: f64 = 13.0;
const LEADING: f64 = 1.35;
/// Radius of a point.
const DOT: f64 = 4.0;

const RIGHT: [u8; 3] = [18, 161, 80];
const WRONG: [u8; 3] = [224, 48, 60];
const TRUTH: [u8; 3] = [255, 210, 31];

const QUALITY: u8 = 85;

/// The positions of the pairs that are shown among so many, spread evenly.
pub(crate) fn shown(pairs: usize) -> Vec<usize> {
    let count = SHOWN.min(pairs);
    (0..count).map(|number| number * pairs / count).collect()
}

/// What was found of a pair that is shown: points in pixels of its photos.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// Its position among the validation's pairs.
    pub pair: usize,
    /// Points of the source.
    pub source: Vec<Point>,
    /// Where they were found in the target.
    pub target: Vec<Point>,
    /// Where they are.
    pub truth: Vec<Point>,
    /// Whether what was found is right.
    pub right: Vec<bool>,
}

/// A picture for people.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// A JPEG.
    pub jpeg: Vec<u8>,
    /// Its size.
    pub size: Size,
}

impl Found {
    /// The picture: the source with its points, and the target with what was found, green where it is right, red and
    /// joined with the truth (a yellow ring) where it is wrong.
    ///
    /// # Errors
    /// When the picture cannot be encoded.
    pub(crate) fn picture(&self, photos: &[RgbImage; 2], name: &str) -> Result<Picture> {
        let [source, target] = photos.each_ref().map(Panel::of);
        let width = source.size.width + target.size.width + GAP as usize;
        let right = self.right.iter().filter(|right| **right).count();
        let words = format!("{right} of {} right: {name}", self.right.len());
        let lines = text::wrapped(&words, TEXT, width as f64);
        let strip = lines.len() as f64 * TEXT * LEADING + GAP;
        let height = source.size.height.max(target.size.height);
        let mut canvas = Canvas::new(Size::new(height + strip as usize, width));
        let left = source.size.width + GAP as usize;
        canvas.paste(&source.photo, 0, 0);
        canvas.paste(&target.photo, left, 0);
        for (point, right) in self.source.iter().zip(&self.right) {
            dot(&mut canvas, source.place(*point, 0), *right);
        }
        for ((point, truth), right) in self.target.iter().zip(&self.truth).zip(&self.right) {
            let [point, truth] = [point, truth].map(|point| target.place(*point, left));
            canvas.line(truth, point, 1.6, ink(*right));
            canvas.ring(truth, DOT + 2.5, 2.0, Ink::solid(TRUTH));
            dot(&mut canvas, point, *right);
        }
        for (line, words) in lines.iter().enumerate() {
            let baseline = height as f64 + (line as f64 * LEADING + 1.0) * TEXT;
            canvas.text(words, Point::new(1.0, baseline), TEXT, Ink::TEXT);
        }
        let picture = canvas.into_picture();
        let size = Size::new(picture.height() as usize, picture.width() as usize);
        let jpeg = page::jpeg(&picture, QUALITY).context("drawing what validation found")?;
        Ok(Picture { jpeg, size })
    }
}

fn ink(right: bool) -> Ink {
    Ink::solid(if right { RIGHT } else { WRONG })
}

fn dot(canvas: &mut Canvas, centre: Point, right: bool) {
    canvas.disc(centre, DOT + 1.2, Ink::WHITE);
    canvas.disc(centre, DOT, ink(right));
}

/// A photo as it lies in the picture.
struct Panel {
    photo: RgbImage,
    size: Size,
    scale: [f64; 2],
}

impl Panel {
    fn of(photo: &RgbImage) -> Self {
        let (width, height) = (f64::from(photo.width()), f64::from(photo.height()));
        let scale = (HEIGHT / height).min(WIDEST / width);
        let side = |own: f64| ((own * scale).round() as usize).max(1);
        let size = Size::new(side(height), side(width));
        let scale = [size.width as f64 / width, size.height as f64 / height];
        Self { photo: resize_like_pillow(photo, size), size, scale }
    }

    /// Where a pixel position of the photo lies in the picture, at the rim if it lies outside.
    fn place(&self, pixel: Point, left: usize) -> Point {
        let along = |position: f64, axis: usize, side: usize| {
            ((position + 0.5) * self.scale[axis]).clamp(0.0, side as f64)
        };
        let x = along(pixel.x, 0, self.size.width) + left as f64;
        Point::new(x, along(pixel.y, 1, self.size.height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_pairs_are_spread_over_all() {
        assert_eq!(shown(100), [0, 25, 50, 75]);
        assert_eq!(shown(3), [0, 1, 2]);
        assert_eq!(shown(0), [0; 0]);
    }

    #[test]
    fn what_is_right_is_green_and_what_is_wrong_red() {
        let point = |x| Point::new(x, 59.5);
        let found = Found {
            pair: 0,
            source: vec![point(29.5), point(89.5)],
            target: vec![point(29.5), point(500.0)],
            truth: vec![point(29.5), point(60.0)],
            right: vec![true, false],
        };
        let photos = [RgbImage::new(120, 120), RgbImage::new(120, 120)];
        let picture = found.picture(&photos, "a.jpg -> b.jpg").unwrap();
        let drawn = image::load_from_memory(&picture.jpeg).unwrap().into_rgb8();
        assert_eq!(picture.size.width, 486);
        let near = |x, y, wanted: [u8; 3]| {
            let found = drawn.get_pixel(x, y).0;
            let far = (0..3).map(|channel| found[channel].abs_diff(wanted[channel])).max();
            assert!(far.unwrap() < 60, "{found:?} at {x}, {y}, not {wanted:?}");
        };
        near(60, 120, RIGHT);
        near(180, 120, WRONG);
        near(246 + 60, 120, RIGHT);
        // What lies outside is drawn at the rim.
        near(246 + 238, 120, WRONG);
    }
}
