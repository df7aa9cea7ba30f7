//! A cut-out in some pose: turned, stretched, bent, mirrored, recoloured and laid onto a photo.

use std::f64::consts::TAU;

use image::imageops::{FilterType, flip_horizontal};
use image::{DynamicImage, Rgba, RgbaImage};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::geometry::Point;

/// Rounds of the iteration that undoes a bend; it shrinks the error to a third at least in each.
const UNBEND_ROUNDS: usize = 6;

/// How far a pose may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// Of the longer side, in pixels of the photo.
    pub extent: (f64, f64),
    /// Either way, in degrees.
    pub rotation: f64,
    /// Where the middle may lie, in parts of the photo's sides.
    pub centre: (f64, f64),
}

/// A posed cut-out. Positions on it are pixels of `picture`, relative to its middle.
#[derive(Debug)]
pub(super) struct Sprite {
    picture: RgbaImage,
    /// From the sprite to the photo, rows `[a, b, c]` of `a x + b y + c`.
    pose: [[f64; 3]; 2],
    waves: [Wave; 2],
    /// Factor of the picture's size against the cut-out's.
    scale: f64,
    mirrored: bool,
    /// Clockwise, in degrees.
    pub rotation: f64,
    /// Of the longer side, in pixels of the photo.
    pub extent: f64,
}

/// A bend along one axis: `strength * sin(direction . p + phase)` is added.
#[derive(Debug)]
struct Wave {
    strength: f64,
    direction: [f64; 2],
    phase: f64,
}

impl Sprite {
    /// Draws a pose of `cutout` within `range` on a photo of `size`.
    pub(super) fn draw(
        cutout: &RgbaImage,
        mirrored: bool,
        (width, height): (u32, u32),
        range: Range,
        random: &mut ChaCha8Rng,
    ) -> Self {
        let extent = random.random_range(range.extent.0..=range.extent.1);
        let longer = f64::from(cutout.width().max(cutout.height()));
        let scale = extent / longer;
        let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(2);
        let (wide, high) = (side(cutout.width()), side(cutout.height()));
        let picture = DynamicImage::from(premultiplied(cutout));
        let mut picture = picture.resize_exact(wide, high, FilterType::Triangle).into_rgba8();
        if mirrored {
            picture = flip_horizontal(&picture);
        }
        recolour(&mut picture, random);
        let rotation = random.random_range(-range.rotation..=range.rotation);
        let (sine, cosine) = rotation.to_radians().sin_cos();
        let stretch: f64 = random.random_range(0.85..1.18);
        let shear: f64 = random.random_range(-0.15..0.15);
        let (wide, high) = (stretch, 1.0 / stretch);
        let mut middle = |length: u32| {
            f64::from(length) * random.random_range(range.centre.0..=range.centre.1) - 0.5
        };
        let (x, y) = (middle(width), middle(height));
        let pose = [
            [cosine * wide, (cosine * shear - sine) * high, x],
            [sine * wide, (sine * shear + cosine) * high, y],
        ];
        let mut wave = || {
            // At most about a third of a pixel of bend per pixel, so that nothing folds.
            let length = extent * random.random_range(0.8..1.6);
            let angle = random.random_range(0.0..TAU);
            let strength = length / TAU * random.random_range(0.0..0.3);
            let direction = [angle.cos(), angle.sin()].map(|part| part * TAU / length);
            Wave { strength, direction, phase: random.random_range(0.0..TAU) }
        };
        let waves = [wave(), wave()];
        Self { picture, pose, waves, scale, mirrored, rotation, extent }
    }

    /// Where a position of the cut-out lies in the photo, in pixels.
    pub(super) fn place(&self, at: Point) -> Point {
        let (width, height) = (f64::from(self.picture.width()), f64::from(self.picture.height()));
        let x = (at.x + 0.5) * self.scale - width / 2.0;
        let x = if self.mirrored { -x } else { x };
        let y = (at.y + 0.5) * self.scale - height / 2.0;
        let bent = [x + self.waves[0].at(x, y), y + self.waves[1].at(x, y)];
        let [x, y] = self.pose.map(|[a, b, c]| a * bent[0] + b * bent[1] + c);
        Point::new(x, y)
    }

    /// Colour and cover at a pixel of the photo, each in 0 to 255, the colour times the cover.
    pub(super) fn at(&self, pixel: Point) -> [f64; 4] {
        let [[a, b, c], [d, e, f]] = self.pose;
        let (x, y, area) = (pixel.x - c, pixel.y - f, a * e - b * d);
        let bent = [(e * x - b * y) / area, (a * y - d * x) / area];
        if self.is_beyond(bent) {
            return [0.0; 4];
        }
        let mut at = bent;
        for _ in 0..UNBEND_ROUNDS {
            let [x, y] = at;
            at = [bent[0] - self.waves[0].at(x, y), bent[1] - self.waves[1].at(x, y)];
        }
        let x = at[0] + f64::from(self.picture.width()) / 2.0 - 0.5;
        let y = at[1] + f64::from(self.picture.height()) / 2.0 - 0.5;
        self.sample(x, y)
    }

    /// Whether a bent position lies further outside the picture than the waves move anything: most pixels of a photo.
    fn is_beyond(&self, bent: [f64; 2]) -> bool {
        let sides = [self.picture.width(), self.picture.height()];
        bent.iter().zip(sides).zip(&self.waves).any(|((at, side), wave)| {
            // A pixel more, beyond whose middle nothing is mixed in.
            at.abs() > f64::from(side) / 2.0 + 1.0 + wave.strength
        })
    }

    /// Bilinear; nothing covers beyond the picture's rim.
    fn sample(&self, x: f64, y: f64) -> [f64; 4] {
        let (left, top) = (x.floor(), y.floor());
        let mut mixed = [0.0; 4];
        for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let (column, row) = (left + dx, top + dy);
            let inside = (0.0..f64::from(self.picture.width())).contains(&column)
                && (0.0..f64::from(self.picture.height())).contains(&row);
            if inside {
                let weight = (1.0 - (x - column).abs()) * (1.0 - (y - row).abs());
                let Rgba(values) = *self.picture.get_pixel(column as u32, row as u32);
                for (sum, value) in mixed.iter_mut().zip(values) {
                    *sum += weight * f64::from(value);
                }
            }
        }
        mixed
    }
}

impl Wave {
    fn at(&self, x: f64, y: f64) -> f64 {
        self.strength * (self.direction[0] * x + self.direction[1] * y + self.phase).sin()
    }
}

/// Colours times cover, so that mixing neighbours does not bring in what lies under transparent pixels.
fn premultiplied(picture: &RgbaImage) -> RgbaImage {
    let mut picture = picture.clone();
    for Rgba([red, green, blue, cover]) in picture.pixels_mut() {
        for channel in [red, green, blue] {
            *channel = (u32::from(*channel) * u32::from(*cover) / 255) as u8;
        }
    }
    picture
}

/// Another light: brightness, contrast, a colour cast.
fn recolour(picture: &mut RgbaImage, random: &mut ChaCha8Rng) {
    let contrast: f64 = random.random_range(0.75..1.25);
    let brightness: f64 = random.random_range(-30.0..30.0);
    let cast: [f64; 3] = [0; 3].map(|_| random.random_range(0.85..1.15));
    for Rgba([red, green, blue, cover]) in picture.pixels_mut() {
        let part = f64::from(*cover) / 255.0;
        for (channel, cast) in [red, green, blue].into_iter().zip(cast) {
            let value = cast
                * (contrast * (f64::from(*channel) - 127.0 * part) + (127.0 + brightness) * part);
            *channel = value.round().clamp(0.0, f64::from(*cover)) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// A spot of the cut-out is seen in the photo where `place` says, bent and mirrored or not.
    #[test]
    fn a_keypoint_lies_where_its_pixel_is_drawn() {
        let range = Range { extent: (90.0, 180.0), rotation: 30.0, centre: (0.4, 0.6) };
        for seed in 0..20 {
            let spot = (20 + seed as u32, 65);
            let cutout = RgbaImage::from_fn(80, 100, |x, y| {
                let near = x.abs_diff(spot.0).pow(2) + y.abs_diff(spot.1).pow(2) <= 9;
                Rgba(if near { [255, 255, 255, 255] } else { [0, 0, 0, 255] })
            });
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let sprite = Sprite::draw(&cutout, seed % 2 == 1, (300, 280), range, &mut random);
            let wanted = sprite.place(Point::new(f64::from(spot.0), f64::from(spot.1)));
            let darkest = sprite.at(Point::new(wanted.x, wanted.y + 25.0))[0];
            let (mut sum, mut total) = (Point::new(0.0, 0.0), 0.0);
            for y in 0..280 {
                for x in 0..300 {
                    let at = Point::new(f64::from(x), f64::from(y));
                    let bright = (sprite.at(at)[0] - darkest - 60.0).max(0.0);
                    sum = Point::new(sum.x + bright * at.x, sum.y + bright * at.y);
                    total += bright;
                }
            }
            let found = Point::new(sum.x / total, sum.y / total);
            assert!(found.distance(wanted) < 1.0, "{seed}: {found:?} is not {wanted:?}");
        }
    }
}
