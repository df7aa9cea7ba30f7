//! The files a flow can be kept in, one format per file of this folder.

pub mod flo;
pub mod kitti;
pub mod numpy;
pub mod pfm;

use std::path::Path;

use anyhow::Result;

use crate::atomic;
use crate::flow::Flow;
use crate::predict::picture::PictureFormat;
use crate::predict::wheel;

/// A file format for a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowFormat {
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

/// Every format with the end of its file names, in the order in which messages list them. The first
/// end that fits decides, so `.kitti.png` stands before `.png`.
pub const ENDINGS: [(&str, FlowFormat); 9] = [
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

/// What to write into a flow file.
#[derive(Clone, Copy, Debug)]
pub struct FlowContent<'a> {
    /// The flow.
    pub flow: &'a Flow,
    /// The confidence at each of the flow's pixels; only `.npz` holds it.
    pub confidence: Option<&'a [f32]>,
    /// The displacement that the colour wheel's full colours stand for, in the flow's pixels.
    pub magnitude: f32,
}

/// Writes a flow and returns how many of its pixels the format could not hold.
///
/// # Errors
/// When the file cannot be written.
///
/// # Panics
/// When `.npz` is asked for without a confidence.
pub fn write(path: &Path, format: FlowFormat, content: FlowContent) -> Result<usize> {
    let FlowContent { flow, confidence, magnitude } = content;
    let mut left_out = 0;
    atomic::write(path, |file| {
        match format {
            FlowFormat::Flo => flo::write(file, flow)?,
            FlowFormat::Npy => numpy::write_npy(file, flow)?,
            FlowFormat::Npz => {
                let confidence = confidence.expect("confidence is computed for every .npz file");
                numpy::write_npz(file, flow, confidence)?;
            }
            FlowFormat::Pfm => pfm::write_flow(file, flow)?,
            FlowFormat::Kitti => left_out = kitti::write(file, flow)?,
            FlowFormat::Wheel(picture) => picture.encode(file, wheel::draw(flow, magnitude))?,
        }
        Ok(())
    })?;
    Ok(left_out)
}
