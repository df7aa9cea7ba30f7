//! A picture under way: photos, and antialiased strokes and text over them.

use image::{Rgb, RgbImage};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, PremultipliedColorU8,
    Rect, Stroke, Transform,
};

use crate::drawing::text;
use crate::geometry::{Point, Size};

/// What shows where nothing is drawn.
const PAPER: [u8; 3] = [255; 3];

/// The halo of text over photos, as a part of the text's size.
const HALO: f64 = 0.3;

/// A picture under way. Positions are in its pixels, 0 at its left and upper edges.
pub(crate) struct Canvas {
    picture: Pixmap,
}

/// A colour and how much of it covers what lies below, 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink {
    /// sRGB.
    pub colour: [u8; 3],
    /// 0 to 1.
    pub opacity: f64,
}

impl Ink {
    /// Black.
    pub(crate) const BLACK: Self = Self::solid([0; 3]);
    /// White.
    pub(crate) const WHITE: Self = Self::solid([255; 3]);
    /// Of text on paper.
    pub(crate) const TEXT: Self = Self::solid([32, 33, 36]);

    /// What covers everything.
    pub(crate) const fn solid(colour: [u8; 3]) -> Self {
        Self { colour, opacity: 1.0 }
    }

    /// The same, fainter.
    pub(crate) fn faint(self, opacity: f64) -> Self {
        Self { opacity: self.opacity * opacity, ..self }
    }
}

impl Canvas {
    /// Empty paper.
    pub(crate) fn new(size: Size) -> Self {
        let mut picture = Pixmap::new(size.width as u32, size.height as u32)
            .expect("the sides of a picture are positive and fit into memory");
        let [red, green, blue] = PAPER;
        picture.fill(Color::from_rgba8(red, green, blue, 255));
        Self { picture }
    }

    /// Lays a photo onto the picture, within it.
    pub(crate) fn paste(&mut self, photo: &RgbImage, left: usize, top: usize) {
        let across = self.picture.width() as usize;
        let pixels = self.picture.pixels_mut();
        for (x, y, Rgb([red, green, blue])) in photo.enumerate_pixels() {
            let index = (y as usize + top) * across + x as usize + left;
            if let Some(opaque) = PremultipliedColorU8::from_rgba(*red, *green, *blue, 255) {
                pixels[index] = opaque;
            }
        }
    }

    /// A line with round ends.
    pub(crate) fn line(&mut self, from: Point, to: Point, width: f64, ink: Ink) {
        let mut path = PathBuilder::new();
        path.move_to(from.x as f32, from.y as f32);
        path.line_to(to.x as f32, to.y as f32);
        if let Some(path) = path.finish() {
            self.stroke(&path, width, ink);
        }
    }

    /// A filled circle.
    pub(crate) fn disc(&mut self, centre: Point, radius: f64, ink: Ink) {
        if let Some(circle) = circle(centre, radius) {
            self.fill(&circle, ink);
        }
    }

    /// A circle's line; `radius` is that of its middle.
    pub(crate) fn ring(&mut self, centre: Point, radius: f64, width: f64, ink: Ink) {
        if let Some(circle) = circle(centre, radius) {
            self.stroke(&circle, width, ink);
        }
    }

    /// A filled rectangle.
    pub(crate) fn rectangle(&mut self, corner: Point, width: f64, height: f64, ink: Ink) {
        let [x, y, width, height] = [corner.x, corner.y, width, height].map(|value| value as f32);
        if let Some(rectangle) = Rect::from_xywh(x, y, width, height) {
            self.picture.fill_rect(rectangle, &paint(ink), Transform::identity(), None);
        }
    }

    /// Text that begins at `start`, on whose height it stands.
    pub(crate) fn text(&mut self, words: &str, start: Point, size: f64, ink: Ink) {
        if let Some(outline) = text::outline(words, start.x, start.y, size) {
            self.fill(&outline, ink);
        }
    }

    /// Text that can be read on whatever it stands: white with a dark halo.
    pub(crate) fn text_on_photo(&mut self, words: &str, start: Point, size: f64, opacity: f64) {
        if let Some(outline) = text::outline(words, start.x, start.y, size) {
            self.stroke(&outline, HALO * size, Ink::BLACK.faint(0.75 * opacity));
            self.fill(&outline, Ink::WHITE.faint(opacity));
        }
    }

    /// The finished picture.
    pub(crate) fn into_picture(self) -> RgbImage {
        let (width, height) = (self.picture.width(), self.picture.height());
        // The paper is opaque, and so is all that lies on it.
        let bytes = self.picture.pixels().iter();
        let bytes = bytes.flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
        RgbImage::from_raw(width, height, bytes).expect("three bytes a pixel")
    }

    fn fill(&mut self, path: &Path, ink: Ink) {
        let rule = FillRule::Winding;
        self.picture.fill_path(path, &paint(ink), rule, Transform::identity(), None);
    }

    fn stroke(&mut self, path: &Path, width: f64, ink: Ink) {
        let (line_cap, line_join) = (LineCap::Round, LineJoin::Round);
        let stroke = Stroke { width: width as f32, line_cap, line_join, ..Stroke::default() };
        self.picture.stroke_path(path, &paint(ink), &stroke, Transform::identity(), None);
    }
}

fn circle(centre: Point, radius: f64) -> Option<Path> {
    PathBuilder::from_circle(centre.x as f32, centre.y as f32, radius as f32)
}

fn paint(ink: Ink) -> Paint<'static> {
    let [red, green, blue] = ink.colour;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, (ink.opacity * 255.0).round() as u8);
    paint
}
