//! A drawn photo: a background, an object in some pose, sometimes something in front of it.

use std::f32::consts::PI;

use image::imageops::FilterType;
use image::{DynamicImage, Rgb, Rgb32FImage, RgbImage};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tiny_skia::{Color, FillRule, Paint, Pixmap, Shader, Transform};

use crate::geometry::{BoundingBox, Point};
use crate::synth::rendered::{Keypoint, Scene};
use crate::synth::toy::objects::Category;
use crate::synth::toy::sketch::{Sketch, between, curve, ellipse, hsv, polygon};

/// Draws a photo of an object of the category.
pub(super) fn draw(category: &Category, random: &mut ChaCha8Rng) -> Scene {
    let size = (random.random_range(240..=360), random.random_range(220..=320));
    let (width, height) = (size.0 as f32, size.1 as f32);
    let mut picture = background(size, random);

    let scale = width.min(height) * between(random, 0.26, 0.52);
    let faces_left = random.random_bool(0.5);
    let rotation = between(random, -28.0, 28.0);
    // One in five stands so far aside that a part is cut off.
    let aside = if random.random_bool(0.2) { 0.38 } else { 0.06 };
    let centre = [width, height].map(|side| side * (0.5 + between(random, -aside, aside)));
    let stretch = between(random, 0.85, 1.15);
    let to_picture = Transform::from_scale(if faces_left { -stretch } else { stretch }, 1.0)
        .post_concat(Transform::from_skew(between(random, -0.15, 0.15), 0.0))
        .post_concat(Transform::from_rotate(rotation))
        .post_scale(scale, scale)
        .post_translate(centre[0], centre[1]);
    let mut sketch = Sketch::new(&mut picture, to_picture);
    (category.draw)(&mut sketch, random);
    let (keypoints, covered) = sketch.finish();
    let covered = covered.unwrap_or(BoundingBox { x1: 0.0, y1: 0.0, x2: 1.0, y2: 1.0 });

    let occluder = random.random_bool(0.25).then(|| occlude(&mut picture, centre, scale, random));
    let limits = (f64::from(width) - 1.0, f64::from(height) - 1.0);
    let seen = |point: &Point| {
        (0.0..=limits.0).contains(&point.x)
            && (0.0..=limits.1).contains(&point.y)
            && !occluder.as_ref().is_some_and(|occluder| occluder.hides(*point))
    };
    let hidden = keypoints
        .iter()
        .any(|(_, point)| occluder.as_ref().is_some_and(|occluder| occluder.hides(*point)));
    let clip = |value: f64, limit: f64| value.round().clamp(0.0, limit) as i64;
    let bounds = [
        clip(covered.x1, limits.0),
        clip(covered.y1, limits.1),
        clip(covered.x2, limits.0),
        clip(covered.y2, limits.1),
    ];
    Scene {
        photo: develop(&picture, random),
        keypoints: keypoints
            .into_iter()
            .map(|(name, point)| Keypoint {
                name: name.to_owned(),
                visible: Some(point).filter(seen),
            })
            .collect(),
        bounds,
        faces_left,
        truncated: covered.x1 < -1.0
            || covered.y1 < -1.0
            || covered.x2 > limits.0 + 1.0
            || covered.y2 > limits.1 + 1.0,
        occluded: hidden,
        rotation: f64::from(rotation),
        extent: covered.longer_side() / limits.0.max(limits.1),
    }
}

/// Soft clouds of two or three colours, and things lying about.
fn background((width, height): (u32, u32), random: &mut ChaCha8Rng) -> Pixmap {
    let mut picture = Pixmap::new(width, height).expect("the sides are positive");
    let mut clouds = Rgb32FImage::new(width, height);
    let hue = between(random, 0.0, 1.0);
    for (cells, strength) in [(2, 0.5), (6, 0.25), (24, 0.15), (90, 0.1)] {
        let patches = Rgb32FImage::from_fn(cells, cells, |_, _| {
            let hue = hue + between(random, -0.15, 0.15);
            let color = hsv(hue, between(random, 0.1, 0.6), between(random, 0.1, 1.0));
            Rgb([color.red(), color.green(), color.blue()].map(|channel| channel * strength))
        });
        let patches =
            DynamicImage::from(patches).resize_exact(width, height, FilterType::CatmullRom);
        for (pixel, patch) in clouds.pixels_mut().zip(patches.into_rgb32f().pixels()) {
            for (channel, value) in pixel.0.iter_mut().zip(patch.0) {
                *channel += value;
            }
        }
    }
    for (pixel, cloud) in picture.pixels_mut().iter_mut().zip(clouds.pixels()) {
        let [red, green, blue] = cloud.0.map(|channel| (channel.clamp(0.0, 1.0) * 255.0) as u8);
        *pixel = tiny_skia::ColorU8::from_rgba(red, green, blue, 255).premultiply();
    }
    let (width, height) = (width as f32, height as f32);
    for _ in 0..random.random_range(4..14) {
        let centre = (between(random, 0.0, width), between(random, 0.0, height));
        let radius = between(random, 6.0, 45.0);
        let mut color =
            hsv(between(random, 0.0, 1.0), between(random, 0.0, 0.8), between(random, 0.1, 1.0));
        color.set_alpha(between(random, 0.3, 0.9));
        let corner = |angle: f32| {
            (centre.0 + radius * (angle * PI).cos(), centre.1 + radius * (angle * PI).sin())
        };
        let turn = between(random, 0.0, 2.0);
        let shape = match random.random_range(0..3) {
            0 => ellipse(centre, (radius, radius * between(random, 0.4, 1.0))),
            1 => {
                polygon(&[corner(turn), corner(turn + 0.5), corner(turn + 1.1), corner(turn + 1.6)])
            }
            _ => curve(
                corner(turn),
                &[(centre, corner(turn + 0.8)), (corner(turn + 0.4), corner(turn))],
                true,
            ),
        };
        paint(&mut picture, shape.as_ref(), color);
    }
    picture
}

fn paint(picture: &mut Pixmap, shape: Option<&tiny_skia::Path>, color: Color) {
    if let Some(shape) = shape {
        let paint = Paint { shader: Shader::SolidColor(color), ..Paint::default() };
        picture.fill_path(shape, &paint, FillRule::Winding, Transform::identity(), None);
    }
}

/// A round thing in front of the object.
struct Occluder {
    centre: Point,
    radius: f64,
}

impl Occluder {
    fn hides(&self, point: Point) -> bool {
        self.centre.distance(point) <= self.radius
    }
}

fn occlude(
    picture: &mut Pixmap,
    centre: [f32; 2],
    scale: f32,
    random: &mut ChaCha8Rng,
) -> Occluder {
    let angle = between(random, 0.0, 2.0) * PI;
    let distance = scale * between(random, 0.4, 0.9);
    let centre = (centre[0] + distance * angle.cos(), centre[1] + distance * angle.sin());
    let radius = scale * between(random, 0.15, 0.35);
    let color =
        hsv(between(random, 0.0, 1.0), between(random, 0.1, 0.8), between(random, 0.2, 0.9));
    let mut sketch = Sketch::new(picture, Transform::identity());
    sketch.fill(ellipse(centre, (radius, radius)), color);
    Occluder {
        centre: Point::new(f64::from(centre.0) - 0.5, f64::from(centre.1) - 0.5),
        radius: f64::from(radius),
    }
}

/// Light, colour cast and grain of a camera.
fn develop(picture: &Pixmap, random: &mut ChaCha8Rng) -> RgbImage {
    let brightness = between(random, 0.75, 1.15);
    let cast = [0; 3].map(|_| brightness * between(random, 0.92, 1.08));
    let grain = between(random, 0.0, 14.0);
    let mut photo = RgbImage::new(picture.width(), picture.height());
    for (pixel, drawn) in photo.pixels_mut().zip(picture.pixels()) {
        let noise = grain * (between(random, -0.5, 0.5) + between(random, -0.5, 0.5));
        let drawn = [drawn.red(), drawn.green(), drawn.blue()];
        for ((channel, value), cast) in pixel.0.iter_mut().zip(drawn).zip(cast) {
            *channel = (f32::from(value) * cast + noise).round().clamp(0.0, 255.0) as u8;
        }
    }
    photo
}
