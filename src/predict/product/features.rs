//! What the network sees: both photos, and below them its features as colours. Where two places have the same
//! colour, the network sees the same.

use std::path::Path;

use anyhow::{Context as _, Result};
use image::imageops::replace;
use image::{Rgb, RgbImage};
use rayon::prelude::*;

use crate::data::photo::resize::resize_like_pillow;
use crate::drawing::Drawing;
use crate::drawing::colour::oklab;
use crate::drawing::strip::captioned;
use crate::geometry::{Point, Size, Turn};
use crate::inference::components::Components;
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;
use crate::predict::format::picture::{ENDINGS, PictureFormat};
use crate::predict::product::Product;

/// The features of both photos as colours.
#[derive(Debug)]
pub(crate) struct Features;

impl Product for Features {
    type Format = PictureFormat;

    const NAME: &'static str = "features";
    const HELP: &'static str =
        "Write what the network sees: both photos with their features as colours";
    const DETAILS: Option<&'static str> = Some(
        "The three principal components of what the network says of every place in either photo are one colour: \
         lightness is the first, the other two are the hue. Places of the same colour look alike to the network. \
         Colours of different pairs are not to be compared.",
    );
    const ENDINGS: &'static [(&'static str, PictureFormat)] = ENDINGS;

    fn needs_photos(_format: PictureFormat, _drawing: Drawing) -> bool {
        true
    }

    fn needs(_format: PictureFormat, _drawing: Drawing) -> Needs {
        Needs::Features
    }

    fn write(format: PictureFormat, context: &Context, path: &Path) -> Result<Written> {
        let seen = context.pair.features.as_ref();
        let seen = seen.context("this network looks at no features that could be shown")?;
        let photos = [context.source.pixels()?, context.target.pixels()?];
        let picture = captioned(&draw(photos, seen, context.pair.turns), CAPTION);
        output::write(path, |file| format.encode(file, picture))?;
        Ok(Written::default())
    }
}

/// The widest picture, in pixels.
const WIDEST: f64 = 1600.0;
/// The highest row, in pixels.
const HIGHEST: f64 = 640.0;
/// Small photos are enlarged to this height, in pixels.
const LOWEST: f64 = 320.0;
/// Between the photos, and around elongated ones.
const PAPER: Rgb<u8> = Rgb([255; 3]);
/// The space between two pictures as a part of a row's height.
const GAP: f64 = 0.02;

const CAPTION: &str = "Below the photos, what the program sees in them: places of equal colour, in either, look alike to it. The \
                       colours mean nothing else.";

/// Two rows of one height: the photos, and their features.
fn draw(photos: [&RgbImage; 2], seen: &[Components; 2], turns: [Turn; 2]) -> RgbImage {
    let aspects = photos.map(|photo| f64::from(photo.width()) / f64::from(photo.height()));
    let height = f64::from(photos[0].height().max(photos[1].height())).clamp(LOWEST, HIGHEST);
    let height = height.min(WIDEST / (aspects[0] + aspects[1] + GAP)).max(1.0).round();
    let gap = (height * GAP).round().max(1.0) as u32;
    let sizes = aspects
        .map(|aspect| Size::new(height as usize, (height * aspect).round().max(1.0) as usize));
    let width = sizes.iter().map(|size| size.width as u32).sum::<u32>() + gap;
    let height = height as u32;
    let mut picture = RgbImage::from_pixel(width, 2 * height + gap, PAPER);
    let mut left = 0;
    for (((photo, seen), turn), size) in photos.into_iter().zip(seen).zip(turns).zip(sizes) {
        replace(&mut picture, &resize_like_pillow(photo, size), left, 0);
        replace(&mut picture, &coloured(seen, turn, size), left, i64::from(height + gap));
        left += size.width as i64 + i64::from(gap);
    }
    picture
}

/// A photo's features as colours, smooth between the cells of the network, which saw it turned so.
fn coloured(seen: &Components, turn: Turn, size: Size) -> RgbImage {
    let mut bytes = vec![0; size.area() * 3];
    bytes.par_chunks_mut(size.width * 3).enumerate().for_each(|(row, pixels)| {
        for (column, pixel) in pixels.chunks_mut(3).enumerate() {
            let unit = size.unit_from_pixel(Point::new(column as f64, row as f64));
            pixel.copy_from_slice(&colour(seen.at(turn.apply(unit))));
        }
    });
    RgbImage::from_raw(size.width as u32, size.height as u32, bytes).expect("three bytes a pixel")
}

/// The lightness of 0 and of 1, and how colourful the other two components are at their ends, in Oklab: equal steps
/// in what the network sees look about equal.
const LIGHTNESS: [f64; 2] = [0.35, 0.90];
const CHROMA: f64 = 0.15;

/// The colour of three components of 0 to 1.
fn colour(components: [f32; 3]) -> [u8; 3] {
    let [first, second, third] = components.map(|value| f64::from(value).clamp(0.0, 1.0));
    let lightness = LIGHTNESS[0] + (LIGHTNESS[1] - LIGHTNESS[0]) * first;
    let [green_red, blue_yellow] = [second, third].map(|value| CHROMA * (2.0 * value - 1.0));
    oklab(lightness, green_red, blue_yellow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_component_is_lightness() {
        let [dark, light] = [0.0, 1.0].map(|first| colour([first, 0.5, 0.5]));
        assert!(dark[0] < 90 && light[0] > 180 && dark[0] == dark[2], "{dark:?} {light:?}");
        assert_eq!(colour([-3.0, 0.2, 9.0]), colour([0.0, 0.2, 1.0]));
    }
}
