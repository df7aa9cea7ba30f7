//! The source photo and the target pulled onto it, half and half.

use std::path::Path;

use anyhow::Result;
use image::{Rgb, RgbImage, RgbaImage};

use crate::drawing::Drawing;
use crate::drawing::colour::mixed;
use crate::drawing::strip::captioned;
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;
use crate::predict::format::picture::{ENDINGS, PictureFormat};
use crate::predict::product::Product;
use crate::predict::product::warp::pulled;

/// The part of the target where it is certain.
const TARGET: f64 = 0.5;

const CAPTION: &str = "Both photos mixed half and half, the second bent so that each of its parts lies on the same \
                       part of the first. The first alone: no reliable match.";
const LITTLE: &str = "These two photos have little in common: the second is bent by mere guesses.";

/// Both photos in one.
#[derive(Debug)]
pub(crate) struct Blend;

impl Product for Blend {
    type Format = PictureFormat;

    const NAME: &'static str = "blend";
    const HELP: &'static str = "Write the source and the target pulled onto it, half and half";
    const DETAILS: Option<&'static str> = Some(
        "The less certain the match, the more of the source alone is seen: nothing of the target below \
         --min-confidence.",
    );
    const ENDINGS: &'static [(&'static str, PictureFormat)] = ENDINGS;
    const EXAMPLE: &'static str = "jpg";

    fn needs_photos(_format: PictureFormat, _drawing: Drawing) -> bool {
        true
    }

    fn needs(_format: PictureFormat, _drawing: Drawing) -> Needs {
        Needs::Confidence
    }

    fn write(format: PictureFormat, context: &Context, path: &Path) -> Result<Written> {
        let warp = pulled(context.pair, context.target.pixels()?, context.limits.threshold());
        let picture = blended(context.source.pixels()?, &warp);
        let caption = if context.is_doubtful() { LITTLE } else { CAPTION };
        output::write(path, |file| format.encode(file, captioned(&picture, caption)))?;
        Ok(Written::default())
    }
}

/// The photo with half of the warp over it.
fn blended(photo: &RgbImage, warp: &RgbaImage) -> RgbImage {
    let mut blended = photo.clone();
    for (pixel, shown) in blended.pixels_mut().zip(warp.pixels()) {
        let [red, green, blue, alpha] = shown.0;
        *pixel = Rgb(mixed(pixel.0, [red, green, blue], TARGET * f64::from(alpha) / 255.0));
    }
    blended
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    #[test]
    fn half_of_the_target_is_seen_where_it_is_certain_and_nothing_where_it_is_not() {
        let photo = RgbImage::from_pixel(3, 1, Rgb([100, 0, 200]));
        let mut warp = RgbaImage::from_pixel(3, 1, Rgba([200, 100, 0, 255]));
        warp.get_pixel_mut(1, 0).0[3] = 0;
        warp.get_pixel_mut(2, 0).0[3] = 102;
        let colours: Vec<[u8; 3]> = blended(&photo, &warp).pixels().map(|pixel| pixel.0).collect();
        assert_eq!(colours, [[150, 50, 100], [100, 0, 200], [120, 20, 160]]);
    }
}
