//! Colours carried across: sampled smoothly, transparent where nothing is drawn or known.

use image::imageops::{FilterType, overlay};
use image::{DynamicImage, RgbImage, Rgba, RgbaImage};
use rayon::prelude::*;

use crate::geometry::{Point, Size};
use crate::predict::carrier::Carrier;
use crate::predict::correspondence::Correspondence;

/// What is drawn on the source, in the target's place and size.
pub(super) fn layer(drawn: &RgbaImage, carrier: &Carrier, pair: &Correspondence) -> RgbaImage {
    let drawn = fitted(drawn, pair.target);
    let size = Size::new(drawn.height() as usize, drawn.width() as usize);
    let Size { height, width } = pair.target;
    let mut bytes = vec![0; pair.target.area() * 4];
    bytes.par_chunks_mut(width * 4).enumerate().for_each(|(row, pixels)| {
        for (column, pixel) in pixels.chunks_mut(4).enumerate() {
            let found = carrier.source_of(Point::new(column as f64, row as f64));
            if let Some(found) = found {
                let place = size.pixel_from_unit(pair.source.unit_from_pixel(found));
                pixel.copy_from_slice(&sample(&drawn, place));
            }
        }
    });
    RgbaImage::from_raw(width as u32, height as u32, bytes).expect("four bytes a pixel")
}

/// The layer on a photo.
pub(super) fn over(layer: RgbaImage, photo: &RgbImage) -> RgbImage {
    let mut picture = DynamicImage::from(photo.clone()).into_rgba8();
    overlay(&mut picture, &layer, 0, 0);
    DynamicImage::from(picture).into_rgb8()
}

/// The picture with its colours weighed by their opacity, as what is transparent has none; and no larger than the
/// target can show.
fn fitted(drawn: &RgbaImage, target: Size) -> RgbaImage {
    let weigh = |Rgba([red, green, blue, alpha]): Rgba<u8>| {
        let weighed = |value: u8| ((u32::from(value) * u32::from(alpha) + 127) / 255) as u8;
        Rgba([weighed(red), weighed(green), weighed(blue), alpha])
    };
    let (width, height) = drawn.dimensions();
    let weighed = RgbaImage::from_fn(width, height, |x, y| weigh(*drawn.get_pixel(x, y)));
    let scale = target.longer_side() as f64 / f64::from(width.max(height));
    if scale >= 1.0 {
        return weighed;
    }
    let shrink = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    let picture = DynamicImage::from(weighed);
    picture.resize_exact(shrink(width), shrink(height), FilterType::Triangle).into_rgba8()
}

/// The colour at a position between pixel centres, as it is without its opacity.
fn sample(picture: &RgbaImage, position: Point) -> [u8; 4] {
    let along = |position: f64, side: u32| {
        let position = position.max(0.0).min(f64::from(side - 1));
        let first = position.floor() as u32;
        (first, (first + 1).min(side - 1), position.fract())
    };
    let (left, right, x) = along(position.x, picture.width());
    let (top, bottom, y) = along(position.y, picture.height());
    let corners = [
        (left, top, (1.0 - x) * (1.0 - y)),
        (right, top, x * (1.0 - y)),
        (left, bottom, (1.0 - x) * y),
        (right, bottom, x * y),
    ];
    let mut sums = [0.0; 4];
    for (column, row, weight) in corners {
        let Rgba(values) = picture.get_pixel(column, row);
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * f64::from(*value));
    }
    let [red, green, blue, alpha] = sums;
    if alpha <= 0.0 {
        return [0; 4];
    }
    let colour = |sum: f64| (sum * 255.0 / alpha).round().min(255.0) as u8;
    [colour(red), colour(green), colour(blue), alpha.round() as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_keep_their_hue_where_they_end() {
        let mut picture = RgbaImage::new(2, 1);
        picture.put_pixel(0, 0, Rgba([200, 10, 0, 255]));
        let fitted = fitted(&picture, Size::square(9));
        assert_eq!(sample(&fitted, Point::new(0.5, 0.0)), [200, 10, 0, 128]);
        assert_eq!(sample(&fitted, Point::new(1.0, 0.0)), [0; 4]);
        assert_eq!(sample(&fitted, Point::new(-3.0, 7.0)), [200, 10, 0, 255]);
    }

    #[test]
    fn what_is_larger_than_the_target_is_made_smaller_first() {
        let lines =
            RgbaImage::from_fn(80, 40, |x, _| Rgba([0, 0, 0, if x % 2 == 0 { 255 } else { 0 }]));
        let small = fitted(&lines, Size::new(10, 10));
        assert_eq!(small.dimensions(), (10, 5));
        assert!(small.pixels().all(|pixel| (100..156).contains(&pixel.0[3])));
    }

    #[test]
    fn a_layer_lies_on_the_photo() {
        let photo = RgbImage::from_pixel(2, 1, image::Rgb([0, 0, 100]));
        let mut layer = RgbaImage::new(2, 1);
        layer.put_pixel(1, 0, Rgba([255, 0, 0, 255]));
        let picture = over(layer, &photo);
        assert_eq!(
            (picture.get_pixel(0, 0).0, picture.get_pixel(1, 0).0),
            ([0, 0, 100], [255, 0, 0])
        );
    }
}
