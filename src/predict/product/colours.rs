//! Correspondence colours: the target coloured by position, and those colours carried onto the source.

use std::path::Path;

use anyhow::{Context as _, Result};
use image::{Rgb, RgbImage};
use rayon::prelude::*;

use crate::drawing::Drawing;
use crate::drawing::colour::{brightness, oklch};
use crate::drawing::fade;
use crate::drawing::panels::Panels;
use crate::geometry::{BoundingBox, Point, Size};
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::{Correspondence, Needs, Resolution};
use crate::predict::format::picture::{ENDINGS, PictureFormat};
use crate::predict::product::Product;

/// Hue (OKLCH, degrees) at the left and at the right of what corresponds.
const HUE: [f64; 2] = [10.0, 320.0];
/// Lightness at its top and at its bottom.
const LIGHTNESS: [f64; 2] = [0.86, 0.52];
const CHROMA: f64 = 0.17;
/// Lines that divide the range of colours, for heights to be told apart too: how many parts, how wide a line is as a
/// part of one, and how much darker.
const PARTS: f64 = 8.0;
const LINE: f64 = 0.065;
const DARKER: f64 = 0.11;
/// How much of the photo's own light and dark is seen below the colours, and where there are none.
const RELIEF: f64 = 0.3;
const GREY: [f64; 2] = [0.42, 0.84];
/// The part of what is shown of the target that may lie outside the range of colours at either end.
const OUTSIDE: f64 = 0.02;
const CAPTION: &str = "Equal colours and lines: the same part in both photos. Pale: less sure. Grey: no reliable match.";
const LITTLE: &str = "These two photos have little in common: equal colours are mere guesses, pale ones more so. Grey: no match.";

/// Both photos in colours that correspond.
#[derive(Debug)]
pub(crate) struct Colours;

impl Product for Colours {
    type Format = PictureFormat;

    const NAME: &'static str = "colours";
    const HELP: &'static str = "Write both photos coloured so that equal colours correspond";
    const DETAILS: Option<&'static str> = Some(
        "The target is coloured by position, and the source by where each pixel's match lies in it; grey where the \
         confidence is below --min-confidence.",
    );
    const ENDINGS: &'static [(&'static str, PictureFormat)] = ENDINGS;
    const EXAMPLE: &'static str = "jpg";

    fn needs_photos(_format: PictureFormat, _drawing: Drawing) -> bool {
        true
    }

    fn needs(_format: PictureFormat, _drawing: Drawing) -> Needs {
        Needs::BothWays
    }

    fn write(format: PictureFormat, context: &Context, path: &Path) -> Result<Written> {
        let (pair, least) = (context.pair, context.limits.threshold());
        let reversed = pair.reversed().context("the way back is not known")?;
        let (source, target) = (context.source.pixels()?, context.target.pixels()?);
        let range = range(&reversed, least);
        let source = coloured(source, |pixel| {
            let at = pair.target.unit_from_pixel(pair.transfer(pixel));
            (range.colour(at), shown(pair, pixel, least))
        });
        let target = coloured(target, |pixel| {
            let at = reversed.source.unit_from_pixel(pixel);
            (range.colour(at), shown(&reversed, pixel, least))
        });
        let caption = if context.is_doubtful() { LITTLE } else { CAPTION };
        let picture = Panels::new(&source, &target, caption).canvas.into_picture();
        output::write(path, |file| format.encode(file, picture))?;
        Ok(Written::default())
    }
}

/// The part of the target over which the colours run, in its unit square.
struct Range(BoundingBox);

/// A colour in OKLCH but for the photo's own light and dark.
#[derive(Clone, Copy)]
struct Tint {
    lightness: f64,
    hue: f64,
}

impl Range {
    /// The colour of a position in the target's unit square.
    fn colour(&self, at: Point) -> Tint {
        let part = |value: f64, low: f64, high: f64| {
            if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
        };
        let Self(BoundingBox { x1, y1, x2, y2 }) = *self;
        let between = |[first, last]: [f64; 2], part: f64| first + (last - first) * part;
        let (across, down) = (part(at.x, x1, x2), part(at.y, y1, y2));
        // 1 in the middle of a line.
        let line = |part: f64| {
            let away = (part * PARTS - (part * PARTS).round()).abs();
            (1.5 - away / (LINE / 2.0)).clamp(0.0, 1.0)
        };
        Tint {
            lightness: between(LIGHTNESS, down) - DARKER * line(across).max(line(down)),
            hue: between(HUE, across),
        }
    }
}

/// How much of a pixel's colour is shown, 0 to 1.
fn shown(pair: &Correspondence, pixel: Point, least: f64) -> f64 {
    let confidence = pair.confidence(pixel);
    if confidence > 0.0 { fade::opacity(confidence, least) } else { 0.0 }
}

/// Where the target has colours, but for a few of its pixels; everywhere, if it has hardly any.
fn range(reversed: &Correspondence, least: f64) -> Range {
    let grid = reversed.grid(Resolution::Network);
    let confidence = reversed.confidence_map(Resolution::Network);
    let cells = (0..grid.area()).filter(|index| f64::from(confidence[*index]) >= least.max(1e-6));
    let (mut across, mut down): (Vec<f64>, Vec<f64>) = cells
        .map(|index| Point::new((index % grid.width) as f64, (index / grid.width) as f64))
        .map(|cell| grid.unit_from_pixel(cell))
        .map(|unit| (unit.x, unit.y))
        .unzip();
    if across.is_empty() {
        return Range(BoundingBox { x1: 0.0, y1: 0.0, x2: 1.0, y2: 1.0 });
    }
    across.sort_by(f64::total_cmp);
    down.sort_by(f64::total_cmp);
    let outside = (across.len() as f64 * OUTSIDE) as usize;
    let last = across.len() - 1 - outside;
    let half = Point::new(0.5 / grid.width as f64, 0.5 / grid.height as f64);
    Range(BoundingBox {
        x1: across[outside] - half.x,
        y1: down[outside] - half.y,
        x2: across[last] + half.x,
        y2: down[last] + half.y,
    })
}

/// A photo with a colour for each pixel, of which as much is shown as `colour` says.
fn coloured(photo: &RgbImage, colour: impl Fn(Point) -> (Tint, f64) + Sync) -> RgbImage {
    let size = Size::new(photo.height() as usize, photo.width() as usize);
    let mut picture = photo.clone();
    picture.par_chunks_mut(3 * size.width).enumerate().for_each(|(row, pixels)| {
        for (column, pixel) in pixels.chunks_mut(3).enumerate() {
            let (tint, shown) = colour(Point::new(column as f64, row as f64));
            let light = brightness(Rgb([pixel[0], pixel[1], pixel[2]]));
            let grey = GREY[0] + (GREY[1] - GREY[0]) * light;
            let lit = tint.lightness + RELIEF * (light - 0.5);
            let lightness = grey + (lit - grey) * shown;
            pixel.copy_from_slice(&oklch(lightness, CHROMA * shown, tint.hue));
        }
    });
    picture
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Flow, Matched};

    /// Everything moves a quarter of the width to the right; the lower half is not sure.
    fn pair() -> Correspondence {
        let size = Size::square(32);
        let matched = |part: f32| {
            let dx = vec![part * 32.0; size.area()];
            let flow = Flow::from_channels(size, &[dx, vec![0.0; size.area()]].concat());
            let confidence = (0..size.area()).map(|at| if at < 512 { 0.9 } else { 0.05 }).collect();
            Matched { confidence: Some(confidence), ..Matched::from(flow) }
        };
        Correspondence::new(matched(0.25), Some(matched(-0.25)), [Size::new(60, 80); 2])
    }

    #[test]
    fn a_place_has_the_colour_of_its_counterpart_and_unsure_ones_are_grey() {
        let (pair, grey) = (pair(), RgbImage::from_pixel(80, 60, Rgb([120; 3])));
        let reversed = pair.reversed().unwrap();
        let range = range(&reversed, 0.15);
        let of = |pair: &Correspondence, shift: f64| {
            coloured(&grey, |pixel| {
                let at = Point::new(pixel.x + shift, pixel.y);
                (range.colour(Size::new(60, 80).unit_from_pixel(at)), shown(pair, pixel, 0.15))
            })
        };
        let (source, target) = (of(&pair, 20.0), of(&reversed, 0.0));
        for (x, y) in [(5, 10), (30, 3), (52, 20)] {
            assert_eq!(source.get_pixel(x, y), target.get_pixel(x + 20, y), "{x} {y}");
        }
        assert_ne!(source.get_pixel(5, 10), source.get_pixel(40, 10));
        assert_ne!(source.get_pixel(5, 5), source.get_pixel(5, 24));
        let is_grey = |Rgb([red, green, blue]): Rgb<u8>| red == green && green == blue;
        assert!(is_grey(*source.get_pixel(10, 50)) && is_grey(*target.get_pixel(40, 50)));
        assert!(is_grey(*source.get_pixel(75, 10)), "its counterpart lies outside");
        // The colours run over what corresponds alone.
        assert!(range.0.x1 >= 0.2 && range.0.y2 < 0.6, "{:?}", range.0);
    }
}
