//! The sharpening step: a 3x3 filter.

use image::RgbImage;

/// Sharpens by a 3x3 kernel of centre `(1 - alpha) + alpha * (8 + lightness)` and neighbours
/// `-alpha`; borders are reflected without repeating the edge pixel.
pub(crate) fn sharpen(image: &mut RgbImage, alpha: f64, lightness: f64) {
    let centre = ((1.0 - alpha) + alpha * (8.0 + lightness)) as f32;
    let neighbour = -alpha as f32;
    let original = image.clone();
    let (width, height) = original.dimensions();
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let rows = [reflected_before(y, height), y, reflected_after(y, height)];
        let columns = [reflected_before(x, width), x, reflected_after(x, width)];
        let mut sum = [0.0_f32; 3];
        for position in 0..9 {
            let weight = f64::from(if position == 4 { centre } else { neighbour });
            let value = original.get_pixel(columns[position % 3], rows[position / 3]);
            for (sum, value) in sum.iter_mut().zip(value.0) {
                // Parity: OpenCV adds in this order, in fused 32-bit steps; in 64 bits the inner
                // step is exact.
                *sum = (f64::from(*sum) + f64::from(value) * weight) as f32;
            }
        }
        pixel.0 = sum.map(|sum| sum.round_ties_even() as u8);
    }
}

fn reflected_before(position: u32, length: u32) -> u32 {
    if position > 0 { position - 1 } else { 1.min(length - 1) }
}

fn reflected_after(position: u32, length: u32) -> u32 {
    if position + 1 < length { position + 1 } else { length.saturating_sub(2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_area_darkens_by_the_kernels_sum() {
        let mut image = RgbImage::from_pixel(4, 3, image::Rgb([200, 100, 0]));
        sharpen(&mut image, 0.5, 0.5);
        // The kernel sums to 1 - 0.5 * (1 - 0.5) = 0.75.
        assert!(image.pixels().all(|pixel| pixel.0 == [150, 75, 0]));
    }

    #[test]
    fn a_single_pixel_is_its_own_neighbour() {
        let mut image = RgbImage::from_pixel(1, 1, image::Rgb([80, 80, 80]));
        sharpen(&mut image, 0.2, 1.0);
        assert_eq!(image.get_pixel(0, 0).0, [80, 80, 80]);
    }
}
