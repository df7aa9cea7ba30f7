//! Photos in pages, and what is drawn on them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use image::RgbImage;
use maud::{Markup, html};
use rayon::prelude::*;

use crate::data::AnnotatedImage;
use crate::eval::predictions::image_name;
use crate::geometry::Size;
use crate::page;

/// How a photo is read for a page, as it was for the network.
pub(crate) type Decode<'a> = &'a (dyn Fn(&Path) -> Result<RgbImage> + Sync);

/// Longer side of a picture in pixels.
const PICTURE_SIDE: u32 = 420;
const JPEG_QUALITY: u8 = 82;

/// Pictures as `data:` addresses, or why there is none.
pub(crate) type Pictures<'a> = BTreeMap<&'a Path, Result<String>>;

/// The pictures of some photos.
pub(crate) fn pictures<'a>(paths: BTreeSet<&'a Path>, decode: Decode) -> Pictures<'a> {
    paths.into_par_iter().map(|path| (path, picture(path, decode))).collect()
}

/// A photo with marks on it, or why there is none.
pub(crate) fn photo(
    image: &AnnotatedImage,
    role: &str,
    picture: &Result<String>,
    marks: &Markup,
) -> Markup {
    let Size { height, width } = image.size;
    // Pixel centres lie at whole numbers, so the first pixel begins at -0.5.
    html! {
        @match picture {
            Ok(address) => {
                svg.photo viewBox=(format!("-0.5 -0.5 {width} {height}")) role="img"
                    aria-label=(format!("{role} {} with what is annotated", image_name(&image.path)))
                    style=(format!("aspect-ratio: {width} / {height}; flex-grow: {:.3}",
                        width as f64 / height as f64)) {
                    image x="-0.5" y="-0.5" width=(width) height=(height) href=(address)
                        preserveAspectRatio="none" {}
                    (marks)
                }
            }
            Err(error) => p.unreadable { (role) ": " (format!("{error:#}")) },
        }
    }
}

/// A small JPEG of a photo as a `data:` address.
fn picture(path: &Path, decode: Decode) -> Result<String> {
    let small = page::fitted(Cow::Owned(decode(path)?), PICTURE_SIDE);
    Ok(page::address(&page::jpeg(&small, JPEG_QUALITY)?))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn large_photo_becomes_a_small_picture() {
        let photo = |_: &Path| Ok(RgbImage::new(3000, 10));
        let address = picture(Path::new("a.jpg"), &photo).unwrap();
        let encoded = address.strip_prefix("data:image/jpeg;base64,").unwrap();
        let picture = image::load_from_memory(&STANDARD.decode(encoded).unwrap()).unwrap();
        assert_eq!((picture.width(), picture.height()), (420, 1));
    }
}
