//! The network's input frame: a photo stretched to a square, and its tensor.

use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;
use tch::{Kind, Tensor};

use crate::model::backbone::Normalisation;

/// A photo stretched to the network's square frame, with the name under which its backbone features
/// may be kept.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Equal for equal photos: the image file's path, and how it was changed if it was.
    pub key: FrameKey,
    /// The stretched photo, 8-bit RGB.
    pub pixels: Arc<RgbImage>,
}

/// Tells photos apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameKey {
    /// The image file.
    pub path: PathBuf,
    /// Left and right exchanged.
    pub mirrored: bool,
}

/// The photos of one size as a normalised batch on the CPU.
///
/// # Shapes
/// Result `[B, 3, H, W]`, float32.
///
/// # Panics
/// When `images` is empty or the sizes differ.
pub fn batch(images: &[&RgbImage], normalisation: Normalisation) -> Tensor {
    let (width, height) = images[0].dimensions();
    let shape = [1, i64::from(height), i64::from(width), 3];
    let bytes: Vec<Tensor> =
        images.iter().map(|image| Tensor::from_slice(image.as_raw()).view(shape)).collect();
    let statistics = |values: [f32; 3]| Tensor::from_slice(&values).view([1, 3, 1, 1]);
    let pixels = Tensor::cat(&bytes, 0).permute([0, 3, 1, 2]).to_kind(Kind::Float).contiguous(); // [B, 3, H, W]
    (pixels / 255.0 - statistics(normalisation.mean)) / statistics(normalisation.std)
}
