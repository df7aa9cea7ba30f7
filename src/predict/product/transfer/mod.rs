//! What is drawn on the source, carried across to the target.

mod picture;

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::drawing::Drawing;
use crate::output;
use crate::predict::annotation::{Annotation, Drawn};
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;
use crate::predict::format::picture::{ENDINGS, PictureFormat};
use crate::predict::product::Product;

/// What is carried across.
#[derive(Debug)]
pub(crate) struct Transfer;

/// A file format for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransferFormat {
    /// Labels (PNG alone), or a picture: by itself where the format can be transparent, else on the target photo.
    Picture(PictureFormat),
    /// Shapes, as COCO's annotations.
    Json,
}

impl Product for Transfer {
    type Format = TransferFormat;

    const NAME: &'static str = "transfer";
    const FLAG: Option<&'static str> = None;
    const HELP: &'static str = "Write what --transfer carries across";
    const ENDINGS: &'static [(&'static str, TransferFormat)] = &[
        (ENDINGS[0].0, TransferFormat::Picture(ENDINGS[0].1)),
        (ENDINGS[1].0, TransferFormat::Picture(ENDINGS[1].1)),
        (ENDINGS[2].0, TransferFormat::Picture(ENDINGS[2].1)),
        (ENDINGS[3].0, TransferFormat::Picture(ENDINGS[3].1)),
        ("json", TransferFormat::Json),
    ];

    fn needs_photos(format: TransferFormat, _drawing: Drawing) -> bool {
        format == TransferFormat::Picture(PictureFormat::Jpeg)
    }

    fn needs(_format: TransferFormat, _drawing: Drawing) -> Needs {
        Needs::BothWays
    }

    fn check(format: TransferFormat, annotation: Option<&Annotation>) -> Result<()> {
        let annotation = annotation.context(
            "nothing is drawn on the source: name a file with --transfer, or as `transfer` in a list",
        )?;
        match (&annotation.drawn, format) {
            (Drawn::Labels(_), TransferFormat::Picture(PictureFormat::Png))
            | (Drawn::Picture(_), TransferFormat::Picture(_))
            | (Drawn::Shapes(_), TransferFormat::Json) => Ok(()),
            (Drawn::Labels(_), _) => bail!(
                "a map of labels is written as .png, which alone keeps them as they are (a PNG with transparency \
                 would be a picture)"
            ),
            (Drawn::Picture(_), _) => bail!("a picture is written as .png, .jpg or .webp"),
            (Drawn::Shapes(_), _) => bail!("polygons, boxes and keypoints are written as .json"),
        }
    }

    fn write(format: TransferFormat, context: &Context, path: &Path) -> Result<Written> {
        Self::check(format, context.annotation)?;
        let annotation = context.annotation.context("it was checked")?;
        let carrier = context.carrier().context("the way back from the target is not known")?;
        match (&annotation.drawn, format) {
            (Drawn::Shapes(shapes), _) => {
                let source = context.source.size;
                let carried = shapes.carried(source, carrier, &context.target.path)?;
                output::write(path, |file| {
                    serde_json::to_writer(&mut *file, &carried)?;
                    Ok(file.write_all(b"\n")?)
                })?;
                return Ok(Written { lost_annotations: carried.lost, ..Written::default() });
            }
            (Drawn::Labels(labels), _) => {
                let labels = carrier.labels(labels);
                output::write(path, |file| labels.write_png(file))?;
            }
            (Drawn::Picture(drawn), TransferFormat::Picture(PictureFormat::Jpeg)) => {
                let layer = picture::layer(drawn, carrier, context.pair);
                let over = picture::over(layer, context.target.pixels()?);
                output::write(path, |file| PictureFormat::Jpeg.encode(file, over))?;
            }
            (Drawn::Picture(drawn), TransferFormat::Picture(format)) => {
                let layer = picture::layer(drawn, carrier, context.pair);
                output::write(path, |file| format.encode(file, layer))?;
            }
            (Drawn::Picture(_), TransferFormat::Json) => bail!("it was checked"),
        }
        Ok(Written { unmatched_pixels: carrier.holes(), ..Written::default() })
    }
}
