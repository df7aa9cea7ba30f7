//! A drawing of one object: paths in the object's own coordinates on a picture, with what was covered
//! and where the keypoints came to lie.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Mask, Paint, Path,
    PathBuilder, Pixmap, Rect, Shader, SpreadMode, Stroke, Transform,
};

use crate::geometry::{BoundingBox, Point};

/// To the right and down, in the object's own coordinates.
pub(super) type Position = (f32, f32);

/// Draws on a picture through a transformation.
pub(super) struct Sketch<'a> {
    picture: &'a mut Pixmap,
    to_picture: Transform,
    bounds: Option<BoundingBox>,
    keypoints: Vec<(&'static str, Point)>,
}

impl<'a> Sketch<'a> {
    pub(super) fn new(picture: &'a mut Pixmap, to_picture: Transform) -> Self {
        Self { picture, to_picture, bounds: None, keypoints: Vec::new() }
    }

    /// Fills a path with a colour that is lighter above and darker below.
    pub(super) fn fill(&mut self, path: Option<Path>, color: Color) {
        let Some(path) = path else { return };
        self.cover(&path, 0.0);
        let paint = shaded(&path, color);
        self.picture.fill_path(&path, &paint, FillRule::Winding, self.to_picture, None);
    }

    /// Fills a path as far as it lies within another, which must have been filled before.
    pub(super) fn fill_within(&mut self, outline: Option<&Path>, path: Option<Path>, color: Color) {
        let mask = Mask::new(self.picture.width(), self.picture.height());
        let (Some(outline), Some(path), Some(mut mask)) = (outline, path, mask) else { return };
        mask.fill_path(outline, FillRule::Winding, true, self.to_picture);
        let paint = shaded(outline, color);
        self.picture.fill_path(&path, &paint, FillRule::Winding, self.to_picture, Some(&mask));
    }

    /// Draws along a path with a round pen.
    pub(super) fn stroke(&mut self, path: Option<Path>, color: Color, width: f32) {
        let Some(path) = path else { return };
        self.cover(&path, width / 2.0);
        let stroke = Stroke {
            width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        let paint = Paint { shader: Shader::SolidColor(color), ..Paint::default() };
        self.picture.stroke_path(&path, &paint, &stroke, self.to_picture, None);
    }

    /// Names a point of the object.
    pub(super) fn keypoint(&mut self, name: &'static str, (x, y): Position) {
        let mut point = tiny_skia::Point::from_xy(x, y);
        self.to_picture.map_point(&mut point);
        // Pixel centres lie at halves in the picture, at whole numbers in annotations.
        let point = Point::new(f64::from(point.x) - 0.5, f64::from(point.y) - 0.5);
        self.keypoints.push((name, point));
    }

    /// The keypoints and the box around everything drawn, in pixels.
    pub(super) fn finish(self) -> (Vec<(&'static str, Point)>, Option<BoundingBox>) {
        (self.keypoints, self.bounds)
    }

    /// Grows the box by a path and half the width of the pen that draws it.
    fn cover(&mut self, path: &Path, pen: f32) {
        let Some(outline) = path.clone().transform(self.to_picture) else { return };
        let rect = outline.bounds();
        let pen = pen * self.to_picture.get_scale().0;
        let corners =
            [(rect.left() - pen, rect.top() - pen), (rect.right() + pen, rect.bottom() + pen)];
        let [upper, lower] =
            corners.map(|(x, y)| Point::new(f64::from(x) - 0.5, f64::from(y) - 0.5));
        let before = self.bounds.map_or([upper, lower], |bounds| {
            [Point::new(bounds.x1, bounds.y1), Point::new(bounds.x2, bounds.y2)]
        });
        self.bounds = BoundingBox::around(&[upper, lower, before[0], before[1]]);
    }
}

/// A paint that is lit from above.
fn shaded(path: &Path, color: Color) -> Paint<'static> {
    let bounds = path.bounds();
    let stops = vec![
        GradientStop::new(0.0, mixed(color, Color::WHITE, 0.25)),
        GradientStop::new(0.5, color),
        GradientStop::new(1.0, mixed(color, Color::BLACK, 0.35)),
    ];
    let gradient = LinearGradient::new(
        tiny_skia::Point::from_xy(bounds.left(), bounds.top()),
        tiny_skia::Point::from_xy(bounds.left(), bounds.bottom()),
        stops,
        SpreadMode::Pad,
        Transform::identity(),
    );
    Paint { shader: gradient.unwrap_or(Shader::SolidColor(color)), ..Paint::default() }
}

/// A colour between two others.
pub(super) fn mixed(first: Color, second: Color, share: f32) -> Color {
    let mix = |first: f32, second: f32| (first + (second - first) * share).clamp(0.0, 1.0);
    let mut color = first;
    color.set_red(mix(first.red(), second.red()));
    color.set_green(mix(first.green(), second.green()));
    color.set_blue(mix(first.blue(), second.blue()));
    color
}

/// A colour by hue (0 to 1, around the wheel), saturation and lightness of the brightest part.
pub(super) fn hsv(hue: f32, saturation: f32, value: f32) -> Color {
    let channel = |offset: f32| {
        let position = (hue.rem_euclid(1.0) * 6.0 + offset) % 6.0;
        let strength = position.min(4.0 - position).clamp(0.0, 1.0);
        value * (1.0 - saturation * strength)
    };
    let mut color = Color::BLACK;
    color.set_red(channel(5.0).clamp(0.0, 1.0));
    color.set_green(channel(3.0).clamp(0.0, 1.0));
    color.set_blue(channel(1.0).clamp(0.0, 1.0));
    color
}

/// A closed path through corners.
pub(super) fn polygon(corners: &[Position]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (index, &(x, y)) in corners.iter().enumerate() {
        if index == 0 { builder.move_to(x, y) } else { builder.line_to(x, y) }
    }
    builder.close();
    builder.finish()
}

/// A path through quadratic curves: a start, then control points and ends.
pub(super) fn curve(start: Position, steps: &[(Position, Position)], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    builder.move_to(start.0, start.1);
    for &((control_x, control_y), (x, y)) in steps {
        builder.quad_to(control_x, control_y, x, y);
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

/// An ellipse around a centre.
pub(super) fn ellipse((x, y): Position, (across, along): Position) -> Option<Path> {
    PathBuilder::from_oval(Rect::from_ltrb(x - across, y - along, x + across, y + along)?)
}

/// A number of a range, as [`RngExt::random_range`] but short to write in drawings.
pub(super) fn between(random: &mut ChaCha8Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * random.random::<f32>()
}
