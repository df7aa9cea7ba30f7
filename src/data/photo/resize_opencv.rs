//! Resizing as OpenCV's `INTER_LINEAR` does it: the training loader's resize, which does not
//! antialias when shrinking.
//!
//! Fixed-point like the original: 11-bit weights, one rounding at the end.

use image::RgbImage;

use crate::geometry::Size;

/// One, in the weights' fixed-point form.
const ONE: i32 = 1 << 11;

/// Two neighbouring positions along one axis and their weights, which sum to [`ONE`].
#[derive(Clone, Copy, Debug)]
struct Tap {
    first: usize,
    second: usize,
    weights: [i32; 2],
}

/// Resizes bilinearly: half-pixel centres, two taps per axis, borders repeated, no antialiasing.
///
/// # Panics
/// When the image or the wanted size is empty.
pub(crate) fn resize_like_opencv(image: &RgbImage, size: Size) -> RgbImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    assert!(width * height * size.area() > 0, "neither {width}x{height} nor {size:?} may be empty");
    if (width, height) == (2 * size.width, 2 * size.height) {
        return halve(image);
    }
    let columns = taps(width, size.width);
    let rows = taps(height, size.height);
    let mut resized = RgbImage::new(size.width as u32, size.height as u32);
    // Horizontally resized source rows; consecutive output rows mostly share them.
    let mut cached = [(usize::MAX, Vec::new()), (usize::MAX, Vec::new())];
    for (row, output) in rows.iter().zip(resized.chunks_exact_mut(3 * size.width)) {
        if cached[1].0 == row.first {
            cached.swap(0, 1);
        }
        for (slot, wanted) in cached.iter_mut().zip([row.first, row.second]) {
            if slot.0 != wanted {
                *slot = (wanted, resize_row(source_row(image, wanted), &columns));
            }
        }
        for ((value, above), below) in output.iter_mut().zip(&cached[0].1).zip(&cached[1].1) {
            let sum =
                ((row.weights[0] * (above >> 4)) >> 16) + ((row.weights[1] * (below >> 4)) >> 16);
            *value = ((sum + 2) >> 2).clamp(0, 255) as u8;
        }
    }
    resized
}

fn source_row(image: &RgbImage, row: usize) -> &[u8] {
    let stride = 3 * image.width() as usize;
    &image.as_raw()[row * stride..(row + 1) * stride]
}

fn resize_row(row: &[u8], columns: &[Tap]) -> Vec<i32> {
    let mut resized = Vec::with_capacity(3 * columns.len());
    for tap in columns {
        for channel in 0..3 {
            let first = i32::from(row[3 * tap.first + channel]);
            let second = i32::from(row[3 * tap.second + channel]);
            resized.push(first * tap.weights[0] + second * tap.weights[1]);
        }
    }
    resized
}

fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let tap = |index: usize| {
        // Parity: the position is rounded to 32 bits before it is split.
        let position = ((index as f64 + 0.5) * scale - 0.5) as f32;
        let whole = position.floor();
        let fraction = position - whole;
        let weight = |part: f32| (part * ONE as f32).round_ties_even() as i32;
        let clamp = |position: f32| position.clamp(0.0, (from - 1) as f32) as usize;
        Tap {
            first: clamp(whole),
            second: clamp(whole + 1.0),
            weights: [weight(1.0 - fraction), weight(fraction)],
        }
    };
    (0..to).map(tap).collect()
}

/// OpenCV hands an exact halving to its area resize: the rounded mean of 2x2 pixels.
fn halve(image: &RgbImage) -> RgbImage {
    RgbImage::from_fn(image.width() / 2, image.height() / 2, |x, y| {
        let mut sum = [2_u16; 3];
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let pixel = image.get_pixel(2 * x + dx, 2 * y + dy);
            for (sum, value) in sum.iter_mut().zip(pixel.0) {
                *sum += u16::from(value);
            }
        }
        image::Rgb(sum.map(|sum| (sum >> 2) as u8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_size_changes_nothing() {
        let image = RgbImage::from_fn(5, 4, |x, y| image::Rgb([x as u8 * 50, y as u8 * 60, 255]));
        assert_eq!(resize_like_opencv(&image, Size::new(4, 5)), image);
    }

    #[test]
    fn enlarging_two_pixels_blends_between_their_centres() {
        let image = RgbImage::from_fn(2, 1, |x, _| image::Rgb([100 * x as u8; 3]));
        let resized = resize_like_opencv(&image, Size::new(2, 4));
        let row: Vec<u8> = (0..4).map(|x| resized.get_pixel(x, 1)[0]).collect();
        assert_eq!(row, [0, 25, 75, 100]);
    }

    #[test]
    fn shrinking_does_not_antialias() {
        let image = RgbImage::from_fn(6, 6, |x, _| image::Rgb([if x == 1 { 240 } else { 0 }; 3]));
        let resized = resize_like_opencv(&image, Size::new(2, 2));
        assert_eq!(resized.get_pixel(0, 0)[0], 240, "one of three pixels is read, not their mean");
    }
}
