//! What an image file says of itself before its pixels: size and orientation.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use image::ImageDecoder;
use image::metadata::Orientation;

use crate::data::photo::format::{PhotoFormat, START};
use crate::data::photo::jpeg::header::JpegHeader;
use crate::data::photo::limit::{ensure_sides, most_file_bytes};
use crate::data::photo::plain::{decoder, size_of};
use crate::data::photo::trouble::DAMAGED;
use crate::data::photo::{heic, tiff};
use crate::geometry::Size;
use crate::visible::Shown;

/// A photo's size as stored (EXIF orientation ignored), from its header alone.
///
/// # Errors
/// When the file is missing, holds no image in a known format, or its sides are beyond the limits.
pub(crate) fn image_size(path: &Path) -> Result<Size> {
    described(path).map(|(size, _)| size)
}

/// A photo's size as stored, and how a viewer turns it, from its header alone.
///
/// # Errors
/// As [`image_size`].
pub(super) fn described(path: &Path) -> Result<(Size, Orientation)> {
    let attempt = || -> Result<(Size, Orientation)> {
        let file = File::open(path)?;
        ensure!(!file.metadata()?.is_dir(), "this is a folder, not an image file");
        let mut file = BufReader::new(file);
        let mut start = Vec::with_capacity(START);
        file.by_ref().take(START as u64).read_to_end(&mut start)?;
        file.rewind()?;
        let (size, orientation) = match PhotoFormat::of(&start)? {
            PhotoFormat::Jpeg => {
                let header = JpegHeader::read(file).context(DAMAGED)?;
                (header.size, header.orientation())
            }
            PhotoFormat::Tiff => tiff::described(file)?,
            PhotoFormat::Heic => {
                let mut bytes = Vec::new();
                file.take(most_file_bytes()).read_to_end(&mut bytes)?;
                // The container's own turn is part of the size.
                (heic::size(&bytes)?, Orientation::NoTransforms)
            }
            PhotoFormat::Plain(format) => {
                let mut decoder = decoder(format, file)?;
                let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
                (size_of(&decoder), orientation)
            }
        };
        ensure_sides(size)?;
        Ok((size, orientation))
    };
    attempt().with_context(|| format!("reading the size of image `{}`", path.shown()))
}
