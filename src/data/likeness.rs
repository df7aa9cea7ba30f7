//! Pictures that show the same although their files and pixels differ: encoded again, scaled, mirrored.

use image::buffer::ConvertBuffer;
use image::imageops::flip_horizontal;
use image::{GrayImage, RgbImage};
use image_hasher::{HashAlg, Hasher, HasherConfig, ImageHash};

use crate::data::photo::resize::resize_like_pillow;
use crate::geometry::Size;

/// Side of the picture that hashes are taken from.
const HASHED_SIDE: usize = 64;

/// Side of the picture that is compared value by value.
const COMPARED_SIDE: usize = 32;

/// Bits on each side of a hash.
const HASH_SIDE: u32 = 16;

/// The largest share of differing bits of two hashes of one picture: those of different ones differ in a third of
/// them and more.
const MOST_DIFFERENT: f64 = 0.2;

/// The least correlation of one picture with itself, encoded again, scaled, mirrored; different pictures of one
/// pose stay below 0.95.
const LEAST_CORRELATION: f32 = 0.985;

/// The least standard deviation, in levels, of a picture that shows anything.
const LEAST_CONTRAST: f64 = 3.0;

/// What of a picture stays when it is encoded again or scaled.
#[derive(Debug)]
pub(super) struct Likeness {
    upright: View,
    mirrored: View,
}

#[derive(Debug)]
struct View {
    hash: ImageHash,
    /// Grey values, their mean 0 and their length 1.
    values: Vec<f32>,
}

/// How two pictures are one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Match {
    /// Correlation of their grey values, 1 at most.
    pub correlation: f32,
    /// Whether one is the other mirrored.
    pub mirrored: bool,
}

impl Likeness {
    /// The likeness of a photo; none where it shows nothing.
    pub(super) fn of(photo: &RgbImage) -> Option<Self> {
        let small = resize_like_pillow(photo, Size::square(HASHED_SIDE));
        Some(Self { upright: View::of(&small)?, mirrored: View::of(&flip_horizontal(&small))? })
    }

    /// Whether two photos show one picture.
    pub(super) fn matches(&self, other: &Self) -> Option<Match> {
        let upright = self.upright.correlation(&other.upright);
        let mirrored = || self.upright.correlation(&other.mirrored);
        upright
            .map(|correlation| Match { correlation, mirrored: false })
            .or_else(|| mirrored().map(|correlation| Match { correlation, mirrored: true }))
    }
}

impl View {
    fn of(small: &RgbImage) -> Option<Self> {
        let grey: GrayImage = small.convert();
        let cell = HASHED_SIDE / COMPARED_SIDE;
        let mean_of_cell = |index: usize| {
            let (left, top) = (index % COMPARED_SIDE * cell, index / COMPARED_SIDE * cell);
            let pixels = (0..cell * cell).map(|at| (left + at % cell, top + at / cell));
            let sum: f64 =
                pixels.map(|(x, y)| f64::from(grey.get_pixel(x as u32, y as u32).0[0])).sum();
            sum / (cell * cell) as f64
        };
        let count = COMPARED_SIDE * COMPARED_SIDE;
        let values: Vec<f64> = (0..count).map(mean_of_cell).collect();
        let mean = values.iter().sum::<f64>() / count as f64;
        let length = f64::sqrt(values.iter().map(|value| (value - mean).powi(2)).sum());
        if length / f64::sqrt(count as f64) < LEAST_CONTRAST {
            return None;
        }
        let values = values.iter().map(|value| ((value - mean) / length) as f32).collect();
        Some(Self { hash: hasher().hash_image(&grey), values })
    }

    /// The correlation of two views of one picture.
    fn correlation(&self, other: &Self) -> Option<f32> {
        let most = (f64::from(HASH_SIDE * HASH_SIDE) * MOST_DIFFERENT) as u32;
        if self.hash.dist(&other.hash) > most {
            return None;
        }
        let correlation =
            self.values.iter().zip(&other.values).map(|(one, other)| one * other).sum();
        (correlation >= LEAST_CORRELATION).then_some(correlation)
    }
}

fn hasher() -> Hasher {
    HasherConfig::new().hash_size(HASH_SIDE, HASH_SIDE).hash_alg(HashAlg::Gradient).to_hasher()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::codecs::jpeg::JpegEncoder;
    use image::imageops::{FilterType, resize};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Blobs of several sizes and colours, others for each seed.
    fn picture(seed: u64) -> RgbImage {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let blobs: Vec<([f32; 3], [f32; 3])> = (0..12)
            .map(|_| {
                let place = [rng.random(), rng.random(), rng.random_range(0.05..0.3)];
                (place, [(); 3].map(|()| rng.random_range(-130.0..130.0)))
            })
            .collect();
        RgbImage::from_fn(240, 180, |x, y| {
            let (u, v) = (x as f32 / 240.0, y as f32 / 180.0);
            let mut colour = [120.0_f32; 3];
            for ([x, y, radius], shade) in &blobs {
                let weight = (-((u - x).powi(2) + (v - y).powi(2)) / radius.powi(2)).exp();
                (0..3).for_each(|channel| colour[channel] += weight * shade[channel]);
            }
            image::Rgb(colour.map(|value| value.clamp(0.0, 255.0) as u8))
        })
    }

    fn found(one: &RgbImage, other: &RgbImage) -> Option<bool> {
        let [one, other] = [one, other].map(|photo| Likeness::of(photo).unwrap());
        one.matches(&other).map(|found| found.mirrored)
    }

    #[test]
    fn a_picture_is_known_again_encoded_scaled_and_mirrored() {
        for seed in 0..8 {
            let photo = picture(seed);
            let mut jpeg = Cursor::new(Vec::new());
            photo.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 30)).unwrap();
            let encoded = image::load_from_memory(jpeg.get_ref()).unwrap().into_rgb8();
            let scaled = resize(&photo, 97, 70, FilterType::Lanczos3);
            for copy in [&encoded, &scaled] {
                assert_eq!(found(&photo, copy), Some(false), "{seed}");
                assert_eq!(found(&photo, &flip_horizontal(copy)), Some(true), "{seed}");
            }
        }
    }

    #[test]
    fn other_pictures_and_those_that_show_nothing_are_no_copies() {
        for seed in 0..8 {
            for other in 0..seed {
                assert_eq!(found(&picture(seed), &picture(other)), None, "{seed} {other}");
            }
        }
        assert!(Likeness::of(&RgbImage::from_pixel(50, 40, image::Rgb([9; 3]))).is_none());
    }
}
