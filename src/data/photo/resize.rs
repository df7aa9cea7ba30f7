//! Stretching photos exactly as Pillow does.
//!
//! Source: `src/libImaging/Resample.c` of Pillow, whose results are bit for bit the same here:
//! a triangle filter that widens with the shrink factor, one axis after the other, weights in fixed point, and
//! 8 bits between the two passes. Which axis comes first is that of Pillow 13; before, it was always the rows', which
//! gives tall photos values that differ by one level here and there.

use image::RgbImage;
use rayon::prelude::*;

use crate::geometry::Size;

/// Fractional bits of a weight: what 32-bit sums of 8-bit values leave, with two bits to spare.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// Half a unit of the result, so that the final shift rounds.
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Bytes of a pixel.
const CHANNELS: usize = 3;

/// How pixels weigh by their distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// A triangle over two pixels.
    Bilinear,
    /// A windowed sinc over six pixels, which keeps detail.
    Lanczos,
}

impl Filter {
    /// Pixels beyond which a weight is 0.
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Lanczos => 3.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
        match self {
            Self::Bilinear => (1.0 - distance.abs()).max(0.0),
            Self::Lanczos if (-3.0..3.0).contains(&distance) => {
                sinc(distance) * sinc(distance / 3.0)
            }
            Self::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

/// Stretches `image` to `size` as `Image.resize(size, Image.Resampling.BILINEAR)` of Pillow does:
/// antialiased when shrinking, the aspect ratio not kept.
///
/// # Panics
/// When `image` or `size` has no pixels.
pub(crate) fn resize_like_pillow(image: &RgbImage, size: Size) -> RgbImage {
    resize_like_pillow_by(Filter::Bilinear, image, size)
}

/// As [`resize_like_pillow`], by any filter of Pillow's.
///
/// # Panics
/// When `image` or `size` has no pixels.
pub(crate) fn resize_like_pillow_by(filter: Filter, image: &RgbImage, size: Size) -> RgbImage {
    let whole = [[0.0, f64::from(image.width())], [0.0, f64::from(image.height())]];
    resize_part_like_pillow(filter, image, whole, size)
}

/// As [`resize_like_pillow_by`], of a part of the image (Pillow's `box`): from where to where in pixels, to the right
/// and down.
///
/// # Panics
/// When `image` or `size` has no pixels.
pub(crate) fn resize_part_like_pillow(
    filter: Filter,
    image: &RgbImage,
    [across, down]: [[f64; 2]; 2],
    size: Size,
) -> RgbImage {
    let [height, width] = [image.height() as usize, image.width() as usize];
    assert!(height * width > 0 && size.area() > 0, "there is nothing to resize");
    let is_kept = |length: usize, part: [f64; 2], new_length: usize| {
        length == new_length && part == [0.0, length as f64]
    };
    let rows = |pixels: &[u8]| match is_kept(width, across, size.width) {
        true => pixels.to_vec(),
        false => resize_rows(pixels, &windows(filter, (width, across), size.width), width),
    };
    let columns = |pixels: &[u8], width: usize| match is_kept(height, down, size.height) {
        true => pixels.to_vec(),
        false => resize_columns(pixels, &windows(filter, (height, down), size.height), width),
    };
    let resized = match columns_come_first([height, width], size) {
        true => rows(&columns(image.as_raw(), width)),
        false => columns(&rows(image.as_raw()), size.width),
    };
    RgbImage::from_raw(size.width as u32, size.height as u32, resized)
        .expect("both passes fill the new size")
}

/// Whether Pillow shortens the columns before it turns to the rows: where they lose more than twice what the rows lose,
/// or anything at all while the rows grow.
fn columns_come_first([height, width]: [usize; 2], size: Size) -> bool {
    let lost = |before: usize, after: usize| before as i64 - after as i64;
    lost(height, size.height) > (2 * lost(width, size.width)).max(0)
}

/// The source positions that one result position is the weighted mean of.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

/// The windows of all result positions along one axis (Pillow's `precompute_coeffs` and
/// `normalize_coeffs_8bpc`; the order of the floating-point operations matters).
fn windows(
    filter: Filter,
    (length, [first, last]): (usize, [f64; 2]),
    new_length: usize,
) -> Vec<Window> {
    let scale = (last - first) / new_length as f64;
    let widening = scale.max(1.0);
    let reach = filter.support() * widening;
    (0..new_length)
        .map(|position| {
            let center = first + (position as f64 + 0.5) * scale;
            let start = (center - reach + 0.5).max(0.0) as usize;
            let end = ((center + reach + 0.5) as usize).min(length);
            let weights: Vec<f64> = (start..end)
                .map(|x| filter.weight((x as f64 - center + 0.5) * (1.0 / widening)))
                .collect();
            let sum: f64 = weights.iter().sum();
            // Away from zero where a weight is negative.
            let fixed = |weight: f64| {
                let weight = weight / sum;
                (weight * f64::from(1 << PRECISION_BITS) + 0.5f64.copysign(weight)) as i32
            };
            Window { start, weights: weights.into_iter().map(fixed).collect() }
        })
        .collect()
}

fn resize_rows(pixels: &[u8], windows: &[Window], width: usize) -> Vec<u8> {
    let new_width = windows.len();
    let mut result = vec![0; pixels.len() / width * new_width];
    let rows = pixels.par_chunks_exact(width * CHANNELS);
    rows.zip(result.par_chunks_exact_mut(new_width * CHANNELS)).for_each(|(row, new_row)| {
        for (window, new_pixel) in windows.iter().zip(new_row.chunks_exact_mut(CHANNELS)) {
            let mut sums = [HALF; CHANNELS];
            let covered = row[window.start * CHANNELS..].chunks_exact(CHANNELS);
            for (pixel, &weight) in covered.zip(&window.weights) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * weight;
                }
            }
            new_pixel.copy_from_slice(&sums.map(to_byte));
        }
    });
    result
}

fn resize_columns(pixels: &[u8], windows: &[Window], width: usize) -> Vec<u8> {
    let stride = width * CHANNELS;
    let mut result = vec![0; windows.len() * stride];
    let new_rows = result.par_chunks_exact_mut(stride).zip(windows);
    new_rows.for_each_init(
        || vec![HALF; stride],
        |sums, (new_row, window)| {
            sums.fill(HALF);
            let covered = pixels[window.start * stride..].chunks_exact(stride);
            for (row, &weight) in covered.zip(&window.weights) {
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += i32::from(value) * weight;
                }
            }
            for (new_value, &sum) in new_row.iter_mut().zip(sums.iter()) {
                *new_value = to_byte(sum);
            }
        },
    );
    result
}

/// A weighted sum in fixed point, to the nearest byte.
fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture of the formula below, in Pillow 13.0.0:
    ///
    /// ```python
    /// y, x, c = numpy.mgrid[0:height, 0:width, 0:3]
    /// pixels = ((x * x * 7 + y * 13 + x * y * 3 + c * 85) % 256).astype("uint8")
    /// resized = Image.fromarray(pixels).resize((new_width, new_height), Image.BILINEAR)
    /// sum(index % 9973 * value for index, value in enumerate(resized.tobytes()))
    /// ```
    fn checksum_of_resized_formula(from: (usize, usize), to: (usize, usize)) -> u64 {
        let image = RgbImage::from_fn(from.0 as u32, from.1 as u32, |x, y| {
            image::Rgb([0, 85, 170].map(|c| ((x * x * 7 + y * 13 + x * y * 3 + c) % 256) as u8))
        });
        let resized = resize_like_pillow(&image, Size::new(to.1, to.0));
        assert_eq!(resized.dimensions(), (to.0 as u32, to.1 as u32));
        let bytes = resized.as_raw().iter().enumerate();
        bytes.map(|(index, &value)| index as u64 % 9973 * u64::from(value)).sum()
    }

    type WidthAndHeight = (usize, usize);

    /// Old and new size, and Pillow's checksum.
    const PILLOW: [(WidthAndHeight, WidthAndHeight, u64); 16] = [
        ((64, 48), (64, 48), 5409387008),
        ((37, 53), (128, 128), 30685633176),
        ((300, 200), (64, 96), 10912822070),
        ((50, 300), (128, 32), 6694771544),
        ((1, 1), (5, 4), 153850),
        ((1023, 7), (3, 40), 8157390),
        ((5, 1000), (5, 16), 3653422),
        ((33, 9), (97, 9), 428827886),
        ((640, 3), (1, 1), 373),
        // Either side of where the columns come first.
        ((334, 500), (256, 256), 123815271910),
        ((48, 64), (32, 32), 600464849),
        ((48, 65), (32, 32), 599838637),
        ((20, 32), (32, 32), 602169672),
        ((20, 33), (32, 32), 603233182),
        ((100, 140), (48, 32), 1351678335),
        ((1001, 1800), (3, 7), 248922),
    ];

    #[test]
    fn every_direction_of_change_equals_pillow() {
        for (from, to, expected) in PILLOW {
            assert_eq!(checksum_of_resized_formula(from, to), expected, "{from:?} -> {to:?}");
        }
    }
}
