//! Random warps of a single photo: a pair with dense, exact target flow that needs no annotation.
//!
//! The photo itself is the target. The source shows, at `p`, what the target shows at `map(p)`; so the
//! flow is known everywhere without inverting anything. Positions are in the unit square.

pub(crate) mod spline;

use image::{Rgb, RgbImage};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::train::rules::{Rule, not_negative, probability};
use spline::Spline;

/// Control points along each side of the square.
const CONTROLS: usize = 4;

/// Positions along each side where a map is checked for folds.
const FOLD_CHECKS: usize = 33;

/// Least local area factor that a map may have, in parts of its affine part's: less is nearly a fold.
const LEAST_AREA: f64 = 0.1;

/// How strong random warps are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WarpConfig {
    /// Largest rotation either way, in degrees.
    pub rotation: f64,
    /// Largest enlargement, and shrinkage, of the whole.
    pub scale: f64,
    /// Largest stretch of one axis against the other.
    pub stretch: f64,
    /// Largest shear: shift along x per step along y.
    pub shear: f64,
    /// Largest shift along each axis, in parts of the frame.
    pub shift: f64,
    /// Largest shift of each of the 4x4 control points along each axis, in parts of the frame.
    pub bend: f64,
    /// Part of the warps that bend; the others are affine.
    pub bend_probability: f64,
}

impl Default for WarpConfig {
    fn default() -> Self {
        Self {
            rotation: 30.0,
            scale: 1.5,
            stretch: 1.3,
            shear: 0.2,
            shift: 0.15,
            bend: 0.08,
            bend_probability: 0.7,
        }
    }
}

impl WarpConfig {
    /// What the settings must keep to.
    pub(crate) fn rules(&self) -> [Rule; 4] {
        let factor = |value: f64| (1.0..=10.0).contains(&value);
        [
            (probability(self.bend_probability), "warp.bend_probability must lie in 0 to 1"),
            (factor(self.scale), "warp.scale is a factor and must lie in 1 to 10"),
            (factor(self.stretch), "warp.stretch is a factor and must lie in 1 to 10"),
            (
                [self.rotation, self.shear, self.shift, self.bend].into_iter().all(not_negative),
                "warp.rotation, shear, shift and bend must not be negative or infinite",
            ),
        ]
    }
}

/// Where each source position lies in the target: an affine map and, if it bends, a thin-plate spline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Warp {
    affine: Affine,
    bend: Option<Spline>,
}

/// `(x, y)` to `(a x + b y + c, d x + e y + f)`, the rows `[a, b, c]` and `[d, e, f]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine(pub [[f64; 3]; 2]);

impl Affine {
    /// Applies the map.
    pub(crate) fn map(self, point: Point) -> Point {
        let [x, y] = self.0.map(|[a, b, c]| a * point.x + b * point.y + c);
        Point::new(x, y)
    }

    fn area(self) -> f64 {
        let [[a, b, _], [d, e, _]] = self.0;
        a * e - b * d
    }

    /// Draws a map about the middle of the square.
    fn draw(rng: &mut impl Rng, config: &WarpConfig) -> Self {
        let (sine, cosine) = symmetric(rng, config.rotation).to_radians().sin_cos();
        let scale = symmetric(rng, config.scale.ln()).exp();
        let stretch = symmetric(rng, config.stretch.ln() / 2.0).exp();
        let shear = symmetric(rng, config.shear);
        let shift = [symmetric(rng, config.shift), symmetric(rng, config.shift)];
        let (wide, high) = (scale * stretch, scale / stretch);
        // Rotation after shear after scales.
        let linear = [
            [cosine * wide, (cosine * shear - sine) * high],
            [sine * wide, (sine * shear + cosine) * high],
        ];
        let row = |[a, b]: [f64; 2], shift: f64| [a, b, 0.5 + shift - 0.5 * (a + b)];
        Self([row(linear[0], shift[0]), row(linear[1], shift[1])])
    }
}

/// A draw from `-limit..=limit`.
fn symmetric(rng: &mut impl Rng, limit: f64) -> f64 {
    rng.random_range(-1.0..=1.0) * limit
}

impl Warp {
    /// An affine warp.
    pub(crate) fn affine(affine: Affine) -> Self {
        Self { affine, bend: None }
    }

    /// The warp that follows `affine` and moves `controls[i]` further by `shifts[i]`.
    ///
    /// # Panics
    /// When the lists differ in length, or the controls lie on one line.
    pub(crate) fn bending(affine: Affine, controls: &[Point], shifts: &[Point]) -> Self {
        Self { affine, bend: Some(Spline::through(controls, shifts)) }
    }

    /// Draws a warp without folds.
    pub(crate) fn draw(rng: &mut impl Rng, config: &WarpConfig) -> Self {
        let affine = Affine::draw(rng, config);
        let controls: Vec<Point> = centres(CONTROLS).collect();
        let mut shifts: Vec<Point> = controls
            .iter()
            .map(|_| Point::new(symmetric(rng, config.bend), symmetric(rng, config.bend)))
            .collect();
        if rng.random::<f64>() >= config.bend_probability {
            return Self::affine(affine);
        }
        loop {
            let warp = Self::bending(affine, &controls, &shifts);
            if !warp.folds() {
                return warp;
            }
            shifts.iter_mut().for_each(|shift| *shift = Point::new(shift.x / 2.0, shift.y / 2.0));
        }
    }

    /// Where a source position lies in the target.
    pub(crate) fn map(&self, point: Point) -> Point {
        let straight = self.affine.map(point);
        match &self.bend {
            None => straight,
            Some(bend) => {
                let shift = bend.at(point);
                Point::new(straight.x + shift.x, straight.y + shift.y)
            }
        }
    }

    /// Whether the map turns a small area over, or squeezes it to nearly nothing.
    fn folds(&self) -> bool {
        let step = 1.0 / FOLD_CHECKS as f64;
        centres(FOLD_CHECKS).any(|point| {
            let here = self.map(point);
            let right = self.map(Point::new(point.x + step, point.y));
            let below = self.map(Point::new(point.x, point.y + step));
            let area =
                (right.x - here.x) * (below.y - here.y) - (below.x - here.x) * (right.y - here.y);
            area < LEAST_AREA * self.affine.area() * step * step
        })
    }

    /// The flow on a grid, source to target in the grid's pixels, and which cells have their target
    /// inside the photo.
    pub(crate) fn flow(&self, size: Size) -> (Flow, Vec<bool>) {
        let mut flow = Flow::zero(size);
        let mut valid = vec![false; size.area()];
        for (index, valid) in valid.iter_mut().enumerate() {
            let pixel = Point::new((index % size.width) as f64, (index / size.width) as f64);
            let unit = self.map(size.unit_from_pixel(pixel));
            let matched = size.pixel_from_unit(unit);
            flow.dx[index] = (matched.x - pixel.x) as f32;
            flow.dy[index] = (matched.y - pixel.y) as f32;
            *valid = (0.0..=1.0).contains(&unit.x) && (0.0..=1.0).contains(&unit.y);
        }
        (flow, valid)
    }

    /// The source photo: the target seen through the warp, bilinear; beyond its rim it is mirrored.
    pub(crate) fn source(&self, target: &RgbImage) -> RgbImage {
        let size = Size::new(target.height() as usize, target.width() as usize);
        RgbImage::from_fn(target.width(), target.height(), |x, y| {
            let unit = size.unit_from_pixel(Point::new(f64::from(x), f64::from(y)));
            sample_mirrored(target, size.pixel_from_unit(self.map(unit)))
        })
    }
}

/// The centres of `side` by `side` equal squares, row by row.
fn centres(side: usize) -> impl Iterator<Item = Point> {
    let size = Size::square(side);
    (0..side * side).map(move |index| {
        size.unit_from_pixel(Point::new((index % side) as f64, (index / side) as f64))
    })
}

fn sample_mirrored(image: &RgbImage, pixel: Point) -> Rgb<u8> {
    let (left, right, along_x) = mirrored_neighbours(pixel.x, image.width());
    let (top, bottom, along_y) = mirrored_neighbours(pixel.y, image.height());
    let corners = [(left, top), (right, top), (left, bottom), (right, bottom)];
    let corners = corners.map(|(x, y)| image.get_pixel(x, y).0.map(f64::from));
    let mut mixed = [0; 3];
    for (channel, value) in mixed.iter_mut().enumerate() {
        let upper = corners[0][channel] * (1.0 - along_x) + corners[1][channel] * along_x;
        let lower = corners[2][channel] * (1.0 - along_x) + corners[3][channel] * along_x;
        *value = (upper * (1.0 - along_y) + lower * along_y).round() as u8;
    }
    Rgb(mixed)
}

/// The two pixels around a position along one axis, mirrored into the photo at its outer edges, and
/// the weight of the second.
fn mirrored_neighbours(position: f64, length: u32) -> (u32, u32, f64) {
    let whole = position.floor();
    let inside = |index: f64| {
        let period = 2.0 * f64::from(length);
        let index = index.rem_euclid(period);
        (if index < f64::from(length) { index } else { period - 1.0 - index }) as u32
    };
    (inside(whole), inside(whole + 1.0), position - whole)
}

#[cfg(test)]
mod tests;
