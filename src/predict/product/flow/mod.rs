//! The flow itself, for other programs or as a picture.

mod legend;

use std::path::Path;

use anyhow::Result;
use image::{DynamicImage, RgbImage};

use crate::drawing::Drawing;
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;
use crate::predict::format::picture::{PictureFormat, only};
use crate::predict::format::wheel::FlowScale;
use crate::predict::format::{flo, kitti, numpy, pfm, wheel};
use crate::predict::product::Product;
use legend::explained;

/// The flow.
#[derive(Debug)]
pub(crate) struct FlowFile;

/// A file format for a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlowFormat {
    /// Colour-wheel picture, to look at.
    Wheel(PictureFormat),
    /// Middlebury `.flo`: both channels interleaved, float32.
    Flo,
    /// NumPy `.npy`: `[2, H, W]`, float32.
    Npy,
    /// NumPy archive `.npz`: `flow` `[2, H, W]` and `confidence` `[H, W]`, float32.
    Npz,
    /// Portable float map, three channels (x, y, 0), as the scene-flow datasets keep flows.
    Pfm,
    /// 16-bit PNG as the KITTI benchmark keeps flows.
    Kitti,
}

impl Product for FlowFile {
    type Format = FlowFormat;

    const NAME: &'static str = "flow";
    const FLAG: Option<&'static str> = Some("output");
    const HELP: &'static str = "Write the flow; repeat for several formats";
    const DETAILS: Option<&'static str> = Some(
        "The ending decides: .png, .jpg, .webp colour wheel (Middlebury's): the direction to the counterpart, and how far \
         off it is as a part of the photo, so that photos of different sizes that correspond place by place do not \
         move; full colours at the 99th percentile, at least 10 % (or see --flow-scale); \
         .flo Middlebury; .npy float32 [2, H, W]; .npz with `flow` and `confidence`; .pfm (x, y, 0); .kitti.png \
         16-bit KITTI, whose valid bit says where the confidence suffices. With --min-confidence, pixels without a match are 1e10 in .flo (Middlebury's unknown) and \
         transparent in .png and .webp. With --legend a picture has the photo beneath, colours on what is certain enough \
         alone, and below it words and the colour wheel.",
    );
    const ENDINGS: &'static [(&'static str, FlowFormat)] = &[
        ("flo", FlowFormat::Flo),
        ("npy", FlowFormat::Npy),
        ("npz", FlowFormat::Npz),
        ("pfm", FlowFormat::Pfm),
        ("kitti.png", FlowFormat::Kitti),
        ("png", FlowFormat::Wheel(PictureFormat::Png)),
        ("jpg", FlowFormat::Wheel(PictureFormat::Jpeg)),
        ("jpeg", FlowFormat::Wheel(PictureFormat::Jpeg)),
        ("webp", FlowFormat::Wheel(PictureFormat::Webp)),
    ];
    const MAIN: bool = true;

    fn needs_photos(format: FlowFormat, drawing: Drawing) -> bool {
        drawing.legend && matches!(format, FlowFormat::Wheel(_))
    }

    fn needs(format: FlowFormat, drawing: Drawing) -> Needs {
        match format {
            FlowFormat::Wheel(_) if drawing.legend => Needs::Confidence,
            FlowFormat::Npz | FlowFormat::Kitti => Needs::Confidence,
            _ => Needs::Matches,
        }
    }

    fn write(format: FlowFormat, context: &Context, path: &Path) -> Result<Written> {
        let (flow, magnitude) = (context.flow(), context.magnitude());
        // What tells matched pixels apart in any case; the others are promised a number everywhere.
        let least = match format {
            FlowFormat::Kitti => Some(context.limits.threshold()),
            FlowFormat::Wheel(_) if context.drawing.legend => Some(context.limits.threshold()),
            FlowFormat::Flo | FlowFormat::Wheel(_) => context.limits.min_confidence,
            FlowFormat::Npy | FlowFormat::Npz | FlowFormat::Pfm => None,
        };
        let matched = least.map(|least| context.matched(least));
        let matched = matched.as_deref();
        let (mut invalid_pixels, mut scale) = (0, None);
        output::write(path, |file| {
            match format {
                FlowFormat::Flo => flo::write(file, flow, matched)?,
                FlowFormat::Npy => numpy::write_npy(file, flow)?,
                FlowFormat::Npz => numpy::write_npz(file, flow, context.confidence())?,
                FlowFormat::Pfm => pfm::write_flow(file, flow)?,
                FlowFormat::Kitti => invalid_pixels = kitti::write(file, flow, matched)?,
                FlowFormat::Wheel(picture) => {
                    let (drawn, full) = coloured(context, matched);
                    scale = Some(full);
                    let drawn = match matched {
                        None => DynamicImage::from(drawn),
                        Some(matched) => only(&drawn, matched).into(),
                    };
                    let drawn = match context.drawing.legend {
                        true => explained(&drawn, context.source.pixels()?, full).into(),
                        false => drawn,
                    };
                    picture.encode(file, drawn)?;
                }
            }
            Ok(())
        })?;
        let unmatched_pixels =
            matched.map_or(0, |matched| matched.iter().filter(|matched| !**matched).count());
        let magnitude = Some(magnitude);
        Ok(Written { invalid_pixels, unmatched_pixels, magnitude, scale, ..Written::default() })
    }
}

/// The flow in colours, and what full ones stand for; only what is `shown` decides on that.
fn coloured(context: &Context, shown: Option<&[bool]>) -> (RgbImage, FlowScale) {
    match context.drawing.flow_scale {
        Some(pixels) => (wheel::draw(context.flow(), pixels), FlowScale::Pixels(pixels)),
        None => {
            let flow = context.pair.relative_flow(context.resolution);
            let scale = wheel::relative_scale(&flow, shown);
            (wheel::draw(&flow, scale), FlowScale::Part(scale))
        }
    }
}
