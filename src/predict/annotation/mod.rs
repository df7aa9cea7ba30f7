//! What is drawn on a source photo, to be carried across: labels, a picture, or shapes.

mod extent;
mod outline;
mod runs;
pub(crate) mod shapes;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use image::RgbaImage;

use crate::data::lists::bytes;
use crate::data::lists::encoding::decode;
use crate::data::photo::decode_drawn;
use crate::data::photo::file::PhotoFile;
use crate::data::photo::labels::LabelMap;
use crate::data::photo::orientation::{Exif, stored_size};
use crate::geometry::Size;
use crate::predict::content::Content;
use crate::visible::Shown;
use shapes::Shapes;

/// What is drawn on a source photo.
#[derive(Debug)]
pub(crate) struct Annotation {
    /// What the file held when it was read.
    pub content: Content,
    /// What is drawn.
    pub drawn: Drawn,
}

/// The kinds of it.
#[derive(Debug)]
pub(crate) enum Drawn {
    /// A label a pixel.
    Labels(LabelMap),
    /// Colours, transparent perhaps.
    Picture(RgbaImage),
    /// Polygons, boxes and keypoints.
    Shapes(Shapes),
}

/// How a PNG begins.
const PNG: &[u8] = b"\x89PNG";

impl Annotation {
    /// Reads what is drawn on `photo`: a PNG without degrees of transparency is a label map, any other picture a
    /// picture, a `.json` COCO's annotations.
    ///
    /// # Errors
    /// When the file cannot be read, is none of these, or has nothing of the photo.
    pub(crate) fn read(path: &Path, photo: &Path, exif: Exif) -> Result<Self> {
        let attempt = || -> Result<Self> {
            if is_json(path) {
                let bytes = bytes::read(path)?;
                let content = Content::of(&bytes);
                let shapes = Shapes::parse(&decode(bytes)?, photo)?;
                return Ok(Self { content, drawn: Drawn::Shapes(shapes) });
            }
            let file = PhotoFile::read(path)?;
            let content = Content::of(&file.bytes);
            let labels =
                if file.bytes.starts_with(PNG) { LabelMap::of_png(&file.bytes)? } else { None };
            let drawn = match labels {
                Some(labels) => {
                    let is_turned = exif == Exif::Apply && !stored_size(path)?.1.is_upright();
                    ensure!(
                        !is_turned,
                        "it is a map of labels with an EXIF orientation: save it as it is seen"
                    );
                    Drawn::Labels(labels)
                }
                None => Drawn::Picture(decode_drawn(&file, exif)?.into_rgba8()),
            };
            Ok(Self { content, drawn })
        };
        attempt()
            .with_context(|| format!("reading what is to be carried across, `{}`", path.shown()))
    }

    /// Checks that it belongs to a photo of this size.
    ///
    /// # Errors
    /// When it has another.
    pub(crate) fn check(&self, photo: Size) -> Result<()> {
        let drawn = match &self.drawn {
            Drawn::Labels(labels) => labels.size,
            Drawn::Picture(picture) => {
                Size::new(picture.height() as usize, picture.width() as usize)
            }
            Drawn::Shapes(shapes) => match shapes.size {
                Some(size) => size,
                None => return Ok(()),
            },
        };
        ensure!(
            drawn == photo,
            "what is to be carried across is drawn on {drawn} pixels, but the source photo has {photo} (--exif says \
             whether its EXIF orientation turns it)"
        );
        Ok(())
    }
}

/// Whether a file holds shapes, by its name.
pub(crate) fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}
