//! The picture under way: two panels, and antialiased strokes over them.

use image::{Rgb, RgbImage};
use tiny_skia::{
    Color, FillRule, LineCap, Paint, Path, PathBuilder, Pixmap, PremultipliedColorU8, Stroke,
    Transform,
};

use crate::data::photo::resize::resize_like_pillow;
use crate::geometry::{Point, Size};

/// The widest picture, in pixels.
const WIDEST: f64 = 1920.0;
/// The highest picture, in pixels.
const HIGHEST: f64 = 960.0;
/// Small photos are enlarged to this height, in pixels, so that dots do not hide them.
const LOWEST: f64 = 480.0;
/// Photos more elongated than this (width to height or height to width) get a margin.
const MOST_ELONGATED: f64 = 3.0;
/// Sizes as parts of the picture's height.
const GAP: f64 = 0.012;
const DOT_RADIUS: f64 = 0.011;
const DOT_RIM: f64 = 0.0035;
const LINE_WIDTH: f64 = 0.0036;
/// What shows between the photos and around elongated ones.
const PAPER: [u8; 3] = [255; 3];

/// The picture under way.
pub(super) struct Canvas {
    picture: Pixmap,
    source: Placement,
    target: Placement,
}

/// Where a photo lies in the picture.
#[derive(Clone, Copy)]
struct Placement {
    photo: Size,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Canvas {
    /// Both photos side by side at one height.
    pub(super) fn new(source: &RgbImage, target: &RgbImage) -> Self {
        let panel_aspect = |photo: &RgbImage| {
            let aspect = f64::from(photo.width()) / f64::from(photo.height());
            aspect.clamp(1.0 / MOST_ELONGATED, MOST_ELONGATED)
        };
        let aspects = panel_aspect(source) + panel_aspect(target) + GAP;
        let height = f64::from(source.height().max(target.height()))
            .clamp(LOWEST, HIGHEST)
            .min(WIDEST / aspects)
            .floor();
        let panel_width = |photo: &RgbImage| (height * panel_aspect(photo)).floor();
        let target_left = panel_width(source) + (height * GAP).floor();
        let mut picture = Pixmap::new((target_left + panel_width(target)) as u32, height as u32)
            .expect("the picture's sides are within 1 to 1920 pixels");
        let [red, green, blue] = PAPER;
        picture.fill(Color::from_rgba8(red, green, blue, 255));
        let source_place = Placement::fit(source, 0.0, panel_width(source), height);
        let target_place = Placement::fit(target, target_left, panel_width(target), height);
        source_place.paste(source, &mut picture);
        target_place.paste(target, &mut picture);
        Self { picture, source: source_place, target: target_place }
    }

    /// A line between a position of the source photo and one of the target photo.
    pub(super) fn line(&mut self, source: Point, target: Point, colour: [u8; 3], opacity: f64) {
        let (from, to) = (self.source.position(source), self.target.position(target));
        let mut path = PathBuilder::new();
        path.move_to(from.x as f32, from.y as f32);
        path.line_to(to.x as f32, to.y as f32);
        let Some(path) = path.finish() else { return };
        self.stroke(&path, 2.0 * LINE_WIDTH, paint([0; 3], 0.35 * opacity));
        self.stroke(&path, LINE_WIDTH, paint(colour, opacity));
    }

    /// A dot at a position of the source photo and one at a position of the target photo.
    pub(super) fn dots(&mut self, source: Point, target: Point, colour: [u8; 3]) {
        let radius = DOT_RADIUS * f64::from(self.picture.height());
        for place in [self.source.position(source), self.target.position(target)] {
            let (x, y) = (place.x as f32, place.y as f32);
            let Some(circle) = PathBuilder::from_circle(x, y, radius as f32) else { continue };
            self.stroke(&circle, 2.6 * DOT_RIM, paint([0; 3], 0.45));
            self.stroke(&circle, DOT_RIM, paint([255; 3], 1.0));
            let paint = paint(colour, 1.0);
            self.picture.fill_path(&circle, &paint, FillRule::Winding, Transform::identity(), None);
        }
    }

    /// The finished picture.
    pub(super) fn into_picture(self) -> RgbImage {
        RgbImage::from_fn(self.picture.width(), self.picture.height(), |x, y| {
            let pixel = self.picture.pixel(x, y).expect("within the picture").demultiply();
            Rgb([pixel.red(), pixel.green(), pixel.blue()])
        })
    }

    /// Draws a path; `width` is a part of the picture's height.
    fn stroke(&mut self, path: &Path, width: f64, paint: Paint) {
        let width = (width * f64::from(self.picture.height())) as f32;
        let stroke = Stroke { width, line_cap: LineCap::Round, ..Stroke::default() };
        self.picture.stroke_path(path, &paint, &stroke, Transform::identity(), None);
    }
}

impl Placement {
    /// The photo as large as fits, in the middle of a panel.
    fn fit(photo: &RgbImage, left: f64, panel_width: f64, panel_height: f64) -> Self {
        let photo = Size::new(photo.height() as usize, photo.width() as usize);
        let scale = (panel_width / photo.width as f64).min(panel_height / photo.height as f64);
        let side = |pixels: usize| (pixels as f64 * scale).round().max(1.0);
        let (width, height) = (side(photo.width), side(photo.height));
        Self {
            photo,
            left: left + ((panel_width - width) / 2.0).floor(),
            top: ((panel_height - height) / 2.0).floor(),
            width,
            height,
        }
    }

    fn paste(&self, photo: &RgbImage, picture: &mut Pixmap) {
        let size = Size::new(self.height as usize, self.width as usize);
        let scaled = resize_like_pillow(photo, size);
        let across = picture.width();
        let pixels = picture.pixels_mut();
        for (x, y, Rgb([red, green, blue])) in scaled.enumerate_pixels() {
            let index = (y + self.top as u32) * across + x + self.left as u32;
            if let Some(opaque) = PremultipliedColorU8::from_rgba(*red, *green, *blue, 255) {
                pixels[index as usize] = opaque;
            }
        }
    }

    /// Where a position of the photo lies in the picture; beyond the photo, on its rim.
    fn position(&self, pixel: Point) -> Point {
        let unit = self.photo.unit_from_pixel(pixel);
        let (across, down) = (unit.x.clamp(0.0, 1.0), unit.y.clamp(0.0, 1.0));
        Point::new(self.left + across * self.width, self.top + down * self.height)
    }
}

fn paint(colour: [u8; 3], opacity: f64) -> Paint<'static> {
    let [red, green, blue] = colour;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, (opacity * 255.0).round() as u8);
    paint
}
