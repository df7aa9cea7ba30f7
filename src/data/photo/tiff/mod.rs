//! TIFF: what `image` turns into pixels, and of the rest whatever has samples that can be read.

mod colour;
mod description;
mod directory;
mod meaning;
mod parts;
mod reader;
mod samples;

use std::io::{BufRead, Cursor, Seek};

use anyhow::{Result, bail};
use image::metadata::Orientation;
use image::{DynamicImage, ImageError, ImageFormat};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use crate::data::photo::limit::ensure_decodable;
use crate::data::photo::plain::{limited, size_of};
use crate::data::photo::stored::Stored;
use crate::data::photo::tiff::description::Description;
use crate::data::photo::tiff::directory::Directory;
use crate::data::photo::tiff::reader::troubled;
use crate::data::photo::trouble::explained;
use crate::geometry::Size;

/// The first picture of a TIFF file.
///
/// # Errors
/// When the file is damaged or cut off, of a rare kind, or beyond the limits.
pub(super) fn decode(bytes: &[u8]) -> Result<Stored> {
    let description = Description::read(bytes)?;
    let size = description.size;
    ensure_decodable(size, description.bytes_per_pixel())?;
    let orientation =
        Orientation::from_exif(description.orientation).unwrap_or(Orientation::NoTransforms);
    // Floats have no agreed white, and are left to the rule for such samples.
    let known = if description.is_float() { None } else { by_image(bytes, size)? };
    let image = match known {
        Some(image) => image,
        None => colour::interpret(&description, samples::read(bytes, &description)?)?,
    };
    Ok(Stored { image, size, orientation })
}

/// The size of a file's first picture, and how a viewer turns it.
///
/// # Errors
/// When the file is no TIFF, or cut off.
pub(super) fn described(mut file: impl BufRead + Seek) -> Result<(Size, Orientation)> {
    Directory::read(&mut file)?;
    file.rewind()?;
    let mut decoder = Decoder::new(file).map_err(troubled)?;
    let (width, height) = decoder.dimensions().map_err(troubled)?;
    let stated: Option<u16> = decoder.find_tag_unsigned(Tag::Orientation).map_err(troubled)?;
    let orientation = stated.and_then(|stated| Orientation::from_exif(stated.min(255) as u8));
    let size = Size::new(height as usize, width as usize);
    Ok((size, orientation.unwrap_or(Orientation::NoTransforms)))
}

/// The pixels as `image` has them; `None` for kinds that it does not know.
fn by_image(bytes: &[u8], size: Size) -> Result<Option<DynamicImage>> {
    let attempt = || {
        let decoder = limited(ImageFormat::Tiff, Cursor::new(bytes))?;
        Ok((size_of(&decoder), DynamicImage::from_decoder(decoder)?))
    };
    match attempt() {
        Ok((same, image)) if same == size => Ok(Some(image)),
        Ok(_) => bail!("the TIFF's size is read in two ways"),
        Err(ImageError::Unsupported(_)) => Ok(None),
        Err(error) => Err(explained(error)),
    }
}

#[cfg(test)]
mod tests;
