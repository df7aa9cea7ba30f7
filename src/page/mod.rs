//! Self-contained HTML pages: what all begin with, and pictures inside them.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, RgbImage};
use maud::{Markup, PreEscaped, html};

use crate::output::beginning::beginning;

/// Colours of light and dark, and the type.
const BASE: &str = include_str!("base.css");

/// A page's head. `policy` is what it may load beside pictures and styles of its own, `further` comes near the
/// beginning.
pub(crate) fn head(title: &str, style: &str, policy: &str, further: &Markup) -> Markup {
    let policy = format!("default-src 'none'; img-src data:; style-src 'unsafe-inline'{policy}");
    html! {
        head {
            meta charset="utf-8";
            (further)
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta http-equiv="Content-Security-Policy" content=(policy);
            link rel="icon" href="data:,";
            title { (title) }
            style { (PreEscaped(BASE)) (PreEscaped(style)) }
        }
    }
}

/// Bytes at a page's beginning among which its [`maker`] stands.
const BEGINNING: u64 = 1024;

/// Says in a page's head what made it, near its beginning.
pub(crate) fn maker(name: &str) -> Markup {
    html! { meta name="generator" content=(name); }
}

/// Whether a file is a page of this [`maker`], as far as its beginning tells: it may be replaced without being named.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn is_made_by(path: &Path, name: &str) -> Result<bool> {
    Ok(beginning(path, BEGINNING)?.contains(&maker(name).into_string()))
}

/// A picture as it is, or smaller so that no side is longer than `longest` pixels.
pub(crate) fn fitted(picture: Cow<'_, RgbImage>, longest: u32) -> Cow<'_, RgbImage> {
    let (width, height) = picture.dimensions();
    let scale = f64::from(longest) / f64::from(width.max(height));
    if scale >= 1.0 {
        return picture;
    }
    let shrink = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    let picture = DynamicImage::from(picture.into_owned());
    let small = picture.resize_exact(shrink(width), shrink(height), FilterType::Triangle);
    Cow::Owned(small.into_rgb8())
}

/// A picture as a JPEG of this quality, 1 to 100.
///
/// # Errors
/// When the format does not allow its size.
pub(crate) fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    picture
        .write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))
        .context("encoding a picture for the page")?;
    Ok(bytes)
}

/// The `data:` address of a JPEG.
pub(crate) fn address(jpeg: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_made_smaller_and_never_larger() {
        let picture = |width, height| Cow::Owned(RgbImage::new(width, height));
        assert_eq!(fitted(picture(3000, 10), 420).dimensions(), (420, 1));
        assert_eq!(fitted(picture(2000, 1500), 1440).dimensions(), (1440, 1080));
        assert_eq!(fitted(picture(30, 40), 420).dimensions(), (30, 40));
    }
}
