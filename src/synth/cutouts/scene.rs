//! A composited photo: a background, things lying about, an animal, sometimes something in front of it.

use image::imageops::{FilterType, flip_horizontal_in_place};
use image::{DynamicImage, RgbImage, RgbaImage};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::geometry::Point;
use crate::synth::cutouts::annotations::{Category, Cutout};
use crate::synth::cutouts::sprite::{Range, Sprite};
use crate::synth::rendered::{Keypoint, Scene};

/// Covered more than this (of 255), a pixel shows the thing in front.
const COVERED: f64 = 100.0;

/// What scenes are made from beside the animals.
#[derive(Debug)]
pub(super) struct Stage {
    /// Photos for the ground.
    pub backgrounds: Vec<DynamicImage>,
    /// Other things on transparent ground; may be empty.
    pub others: Vec<RgbaImage>,
}

/// Composites a photo of `cutout`.
pub(super) fn compose(
    category: &Category,
    cutout: &Cutout,
    stage: &Stage,
    random: &mut ChaCha8Rng,
) -> Scene {
    let size = (random.random_range(280..=420), random.random_range(260..=380));
    let shorter = f64::from(size.0.min(size.1));
    let mut photo = ground(&stage.backgrounds, size, random);
    for _ in 0..random.random_range(0..=3) {
        let range =
            Range { extent: (0.15 * shorter, 0.5 * shorter), rotation: 25.0, centre: (0.0, 1.0) };
        if let Some(thing) = thing(stage, size, range, random) {
            lay(&mut photo, &thing);
        }
    }
    let mirrored = random.random_bool(0.5);
    // One in five stands so far aside that a part may be cut off.
    let aside = if random.random_bool(0.2) { 0.3 } else { 0.08 };
    let range = Range {
        extent: (0.45 * shorter, 0.95 * shorter),
        rotation: 22.0,
        centre: (0.5 - aside, 0.5 + aside),
    };
    let animal = Sprite::draw(&cutout.picture, mirrored, size, range, random);
    let covered = lay(&mut photo, &animal);
    let in_front = random.random_bool(0.3).then(|| {
        let range = Range {
            extent: (0.12 * shorter, 0.3 * shorter),
            rotation: 180.0,
            centre: (0.25, 0.75),
        };
        thing(stage, size, range, random)
    });
    let in_front = in_front.flatten();
    if let Some(thing) = &in_front {
        lay(&mut photo, thing);
    }
    develop(&mut photo, random);

    let hidden = |point: Point| in_front.as_ref().is_some_and(|thing| thing.at(point)[3] > COVERED);
    let outside = |point: Point| {
        !(0.0..f64::from(size.0)).contains(&point.x) || !(0.0..f64::from(size.1)).contains(&point.y)
    };
    let placed: Vec<Option<Point>> = (0..category.parts.len())
        .map(|part| if mirrored { category.mirrored[part] } else { part })
        .map(|part| cutout.keypoints[part].map(|point| animal.place(point)))
        .collect();
    let any = |test: &dyn Fn(Point) -> bool| placed.iter().flatten().any(|&point| test(point));
    Scene {
        bounds: covered,
        faces_left: cutout.faces_left != mirrored,
        truncated: any(&outside),
        occluded: any(&hidden),
        rotation: animal.rotation,
        extent: animal.extent / f64::from(size.0.max(size.1)),
        keypoints: category
            .parts
            .iter()
            .zip(&placed)
            .map(|(name, placed)| Keypoint {
                name: name.clone(),
                visible: placed.filter(|&point| !outside(point) && !hidden(point)),
            })
            .collect(),
        photo,
    }
}

/// A part of a photo, mirrored or not.
fn ground(photos: &[DynamicImage], size: (u32, u32), random: &mut ChaCha8Rng) -> RgbImage {
    let photo = &photos[random.random_range(0..photos.len())];
    let (width, height) = (photo.width(), photo.height());
    let largest = (f64::from(width) / f64::from(size.0)).min(f64::from(height) / f64::from(size.1));
    let scale = largest * random.random_range(0.35..=1.0);
    let side = |length: u32, limit: u32| ((f64::from(length) * scale) as u32).clamp(1, limit);
    let (wide, high) = (side(size.0, width), side(size.1, height));
    let x = random.random_range(0..=width - wide);
    let y = random.random_range(0..=height - high);
    let part = photo.crop_imm(x, y, wide, high);
    let mut part = part.resize_exact(size.0, size.1, FilterType::Triangle).into_rgb8();
    if random.random_bool(0.5) {
        flip_horizontal_in_place(&mut part);
    }
    part
}

fn thing(stage: &Stage, size: (u32, u32), range: Range, random: &mut ChaCha8Rng) -> Option<Sprite> {
    if stage.others.is_empty() {
        return None;
    }
    let picture = &stage.others[random.random_range(0..stage.others.len())];
    let mirrored = random.random_bool(0.5);
    Some(Sprite::draw(picture, mirrored, size, range, random))
}

/// Lays a sprite onto the photo; left, upper, right and lower pixel of what it covers.
fn lay(photo: &mut RgbImage, sprite: &Sprite) -> [i64; 4] {
    let mut bounds = [i64::MAX, i64::MAX, 0, 0];
    for (x, y, pixel) in photo.enumerate_pixels_mut() {
        let [red, green, blue, cover] = sprite.at(Point::new(f64::from(x), f64::from(y)));
        if cover <= 0.0 {
            continue;
        }
        for (channel, value) in pixel.0.iter_mut().zip([red, green, blue]) {
            let behind = f64::from(*channel) * (1.0 - cover / 255.0);
            *channel = (behind + value).round().clamp(0.0, 255.0) as u8;
        }
        if cover > COVERED {
            let (x, y) = (i64::from(x), i64::from(y));
            let [left, upper, right, lower] = bounds;
            bounds = [left.min(x), upper.min(y), right.max(x), lower.max(y)];
        }
    }
    // Nothing of it is seen: an empty box at the corner.
    if bounds[0] == i64::MAX { [0, 0, 1, 1] } else { bounds }
}

/// Light and grain of a camera.
fn develop(photo: &mut RgbImage, random: &mut ChaCha8Rng) {
    let brightness: f64 = random.random_range(0.8..1.15);
    let cast: [f64; 3] = [0; 3].map(|_| brightness * random.random_range(0.94..1.06));
    let grain: f64 = random.random_range(0.0..12.0);
    for pixel in photo.pixels_mut() {
        let noise = grain * (random.random::<f64>() + random.random::<f64>() - 1.0);
        for (channel, cast) in pixel.0.iter_mut().zip(cast) {
            *channel = (f64::from(*channel) * cast + noise).round().clamp(0.0, 255.0) as u8;
        }
    }
}
