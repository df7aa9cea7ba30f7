//! The target photo pulled onto the source: every source pixel shows what it corresponds to, the fainter the less
//! certain that is.

use std::path::Path;

use anyhow::Result;
use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage};
use rayon::prelude::*;

use crate::drawing::Drawing;
use crate::drawing::colour::{greyed, mixed};
use crate::drawing::fade;
use crate::drawing::strip::captioned;
use crate::geometry::{Point, Size};
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::{Correspondence, Needs};
use crate::predict::format::picture::{ENDINGS, NOTHING, PictureFormat};
use crate::predict::product::Product;

/// The greys of black and of white, where the source is seen below: pale, as what is laid on it is to be looked at.
const GREY: [f64; 2] = [0.45, 0.92];

const CAPTION: &str = "In colour: the second photo, bent so that each of its parts lies on the same part of the \
                       first. Grey: the first alone, where there is no reliable match.";
const LITTLE: &str =
    "These two photos have little in common: the second, in colour, is bent by mere guesses.";

/// The target pulled onto the source.
#[derive(Debug)]
pub(crate) struct Warp;

impl Product for Warp {
    type Format = PictureFormat;

    const NAME: &'static str = "warp";
    const HELP: &'static str = "Write the target pulled onto the source";
    const DETAILS: Option<&'static str> = Some(
        "It fades out with the confidence: pixels are transparent (grey in .jpg) below --min-confidence, and where the \
         match lies outside the target. With --min-confidence 0 nothing fades. With --legend it lies on the source in \
         grey, above words that say so.",
    );
    const ENDINGS: &'static [(&'static str, PictureFormat)] = ENDINGS;

    fn needs_photos(_format: PictureFormat, _drawing: Drawing) -> bool {
        true
    }

    fn needs(_format: PictureFormat, _drawing: Drawing) -> Needs {
        Needs::Confidence
    }

    fn write(format: PictureFormat, context: &Context, path: &Path) -> Result<Written> {
        let picture = pulled(context.pair, context.target.pixels()?, context.limits.threshold());
        let unmatched_pixels = picture.pixels().filter(|pixel| **pixel == NOTHING).count();
        let picture = if context.drawing.legend {
            let caption = if context.is_doubtful() { LITTLE } else { CAPTION };
            DynamicImage::from(captioned(&on_grey(context.source.pixels()?, &picture), caption))
        } else {
            picture.into()
        };
        output::write(path, |file| format.encode(file, picture))?;
        Ok(Written { unmatched_pixels, ..Written::default() })
    }
}

/// The warp on the photo in grey.
fn on_grey(photo: &RgbImage, warp: &RgbaImage) -> RgbImage {
    let mut picture = photo.clone();
    for (pixel, shown) in picture.pixels_mut().zip(warp.pixels()) {
        let [red, green, blue, alpha] = shown.0;
        *pixel = Rgb(mixed(greyed(*pixel, GREY), [red, green, blue], f64::from(alpha) / 255.0));
    }
    picture
}

/// The warp: the source photo's size, the target's colours (bilinear). Pixels whose match is less certain than
/// `least` or lies outside the target are transparent, those that are little more certain nearly so.
///
/// # Panics
/// As [`Correspondence::confidence`].
pub(super) fn pulled(pair: &Correspondence, target: &RgbImage, least: f64) -> RgbaImage {
    let Size { height, width } = pair.source;
    let mut bytes = vec![0; pair.source.area() * 4];
    bytes.par_chunks_mut(width * 4).enumerate().for_each(|(row, pixels)| {
        for (column, pixel) in pixels.chunks_mut(4).enumerate() {
            let position = Point::new(column as f64, row as f64);
            let opacity = fade::opacity(pair.confidence(position), least);
            let alpha = (opacity * 255.0).round() as u8;
            let shown = match sample(target, pair.transfer(position)) {
                Some([red, green, blue]) if alpha > 0 => Rgba([red, green, blue, alpha]),
                _ => NOTHING,
            };
            pixel.copy_from_slice(&shown.0);
        }
    });
    RgbaImage::from_raw(width as u32, height as u32, bytes).expect("four bytes a pixel")
}

/// The colour at a position, bilinear between pixel centres; the outer half of the rim's pixels has the
/// rim's colour. None beyond the photo.
fn sample(photo: &RgbImage, position: Point) -> Option<[u8; 3]> {
    if !Size::new(photo.height() as usize, photo.width() as usize).contains(position) {
        return None;
    }
    let x = position.x.clamp(0.0, f64::from(photo.width() - 1));
    let y = position.y.clamp(0.0, f64::from(photo.height() - 1));
    let (left, top) = (x.floor() as u32, y.floor() as u32);
    let (right, bottom) = ((left + 1).min(photo.width() - 1), (top + 1).min(photo.height() - 1));
    let (along_x, along_y) = (x.fract(), y.fract());
    let row = |y: u32| {
        let (Rgb(from), Rgb(to)) = (photo.get_pixel(left, y), photo.get_pixel(right, y));
        [0, 1, 2].map(|channel| mix(from[channel].into(), to[channel].into(), along_x))
    };
    let (upper, lower) = (row(top), row(bottom));
    Some([0, 1, 2].map(|channel| mix(upper[channel], lower[channel], along_y).round() as u8))
}

fn mix(from: f64, to: f64, along: f64) -> f64 {
    from + (to - from) * along
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Flow;

    fn photo(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7) as u8, (y * 5) as u8, (x ^ y) as u8]))
    }

    fn pair(forward: Flow, source: Size, target: Size) -> Correspondence {
        // The way back is the way there, reversed: sure wherever the match lies in the target.
        let back = |values: &[f32]| values.iter().map(|value| -value).collect();
        let backward = Flow { size: forward.size, dx: back(&forward.dx), dy: back(&forward.dy) };
        let backward = Some(backward.into());
        Correspondence::new(forward.into(), backward, [source, target])
    }

    #[test]
    fn identity_warps_an_image_onto_itself() {
        for (width, height) in [(37, 21), (1, 1), (300, 2)] {
            let target = photo(width, height);
            let size = Size::new(height as usize, width as usize);
            let warp = pulled(&pair(Flow::zero(Size::square(128)), size, size), &target, 0.5);
            for (x, y, Rgba([red, green, blue, alpha])) in warp.enumerate_pixels() {
                assert_eq!((&[*red, *green, *blue], *alpha), (&target.get_pixel(x, y).0, 255));
            }
        }
    }

    #[test]
    fn the_warp_has_the_sources_size_and_the_targets_colours() {
        let target = RgbImage::from_pixel(9, 30, Rgb([1, 2, 3]));
        let flow = Flow::zero(Size::square(16));
        let warp = pulled(&pair(flow, Size::new(20, 50), Size::new(30, 9)), &target, 0.5);
        assert_eq!(warp.dimensions(), (50, 20));
        assert!(warp.pixels().all(|pixel| *pixel == Rgba([1, 2, 3, 255])));
    }

    #[test]
    fn pixels_without_a_match_in_the_target_are_transparent() {
        // Half the frame to the right.
        let size = Size::square(8);
        let flow = Flow::from_channels(size, &[vec![4.0; 64], vec![0.0; 64]].concat());
        let warp = pulled(&pair(flow, Size::new(4, 10), Size::new(4, 10)), &photo(10, 4), 0.0);
        assert_eq!(*warp.get_pixel(0, 2), Rgba([35, 10, 5 ^ 2, 255]));
        assert_eq!(warp.get_pixel(5, 2).0[3], 0);
        assert_eq!(warp.get_pixel(4, 2).0[3], 255);
    }

    #[test]
    fn pixels_whose_way_back_ends_elsewhere_are_transparent() {
        let size = Size::new(20, 40);
        let mut pair = pair(Flow::zero(Size::square(8)), size, size);
        // The right half of the target is said to lie in the left half of the source.
        let mut back = Flow::zero(Size::square(8));
        for (index, dx) in back.dx.iter_mut().enumerate() {
            *dx = if index % 8 < 4 { 0.0 } else { -4.0 };
        }
        pair.backward = Some(back.into());
        let target = photo(40, 20);
        let warp = pulled(&pair, &target, 0.5);
        assert_eq!(warp.get_pixel(5, 9).0[3], 255);
        assert_eq!(*warp.get_pixel(35, 9), NOTHING);
        assert!(pulled(&pair, &target, 0.0).pixels().all(|pixel| pixel.0[3] == 255));
    }
}
