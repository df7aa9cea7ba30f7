//! Words below a picture that say what it shows.

use std::borrow::Cow;

use image::RgbImage;

use crate::data::photo::resize::resize_like_pillow;
use crate::drawing::canvas::{Canvas, Ink};
use crate::drawing::text;
use crate::geometry::{Point, Size};

/// Sizes in hundredths of the photo's size.
const TEXT: f64 = 3.2;
const MARGIN: f64 = 2.0;
/// From one line to the next, as a part of the text's size.
const LEADING: f64 = 1.3;
/// The smallest text that is read easily, in pixels.
const SMALLEST_TEXT: f64 = 14.0;
/// The longer side of smaller pictures is made this long, in pixels, so that words fit below.
const SMALLEST: usize = 480;

/// A picture, larger if it is so small that words would not fit below.
pub(crate) fn enlarged(picture: &RgbImage) -> Cow<'_, RgbImage> {
    let own = Size::new(picture.height() as usize, picture.width() as usize);
    let factor = SMALLEST as f64 / own.longer_side() as f64;
    if factor <= 1.0 {
        return Cow::Borrowed(picture);
    }
    let side = |pixels: usize| (pixels as f64 * factor).round() as usize;
    Cow::Owned(resize_like_pillow(picture, Size::new(side(own.height), side(own.width))))
}

/// A picture, enlarged if it is small, above words that say what it shows.
pub(crate) fn captioned(picture: &RgbImage, words: &str) -> RgbImage {
    let picture = enlarged(picture);
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let strip = Strip::new(words, (width * height).sqrt() / 100.0, width);
    let mut canvas = Canvas::new(Size::new((height + strip.height()) as usize, width as usize));
    canvas.paste(&picture, 0, 0);
    strip.draw(&mut canvas, height);
    canvas.into_picture()
}

/// Lines of text below a picture.
pub(crate) struct Strip {
    lines: Vec<String>,
    /// The size of its text, in pixels.
    pub size: f64,
    /// The room around the text, in pixels.
    pub margin: f64,
}

impl Strip {
    /// The text in lines that fit a picture of this width; `unit` is a hundredth of the photo's size.
    pub(crate) fn new(words: &str, unit: f64, width: f64) -> Self {
        let size = (TEXT * unit).max(SMALLEST_TEXT);
        let margin = MARGIN * unit;
        Self { lines: text::wrapped(words, size, width - 2.0 * margin), size, margin }
    }

    /// Its height, in pixels.
    pub(crate) fn height(&self) -> f64 {
        match self.lines.len() {
            0 => 0.0,
            lines => (lines as f64 * LEADING * self.size + 1.4 * self.margin).ceil(),
        }
    }

    /// Draws it below `top`.
    pub(crate) fn draw(&self, canvas: &mut Canvas, top: f64) {
        for (index, line) in self.lines.iter().enumerate() {
            let baseline = top + 0.7 * self.margin + (index as f64 * LEADING + 1.0) * self.size;
            canvas.text(line, Point::new(self.margin, baseline), self.size, Ink::TEXT);
        }
    }
}
