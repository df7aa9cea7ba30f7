//! The strips or tiles that a TIFF's pixels lie in: how large they may be, and what they say of themselves.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use tiff::tags::Tag;

use crate::data::photo::jpeg::header::JpegHeader;
use crate::data::photo::limit::ensure_decodable;
use crate::data::photo::tiff::meaning::JPEG;
use crate::data::photo::tiff::reader::{Reader, troubled};
use crate::data::photo::trouble::DAMAGED;
use crate::geometry::Size;

/// The largest block of pixels that a JPEG codes together, to which it may round its sides up.
const BLOCK: usize = 32;

/// Checks that no part is larger than the photo may be, and that a JPEG within one claims no more than the
/// part's size: a few bytes could fill any memory, and none of it would be seen.
///
/// # Errors
/// When one is, or does.
pub(super) fn check(
    reader: &mut Reader,
    bytes: &[u8],
    compression: u16,
    bytes_per_pixel: u64,
) -> Result<()> {
    let (width, height) = reader.chunk_dimensions();
    let (_, rows) = reader.dimensions().map_err(troubled)?;
    let tiled = reader.find_tag(Tag::TileWidth).map_err(troubled)?.is_some();
    let height = if tiled { height } else { height.min(rows) };
    let part = Size::new(height as usize, width as usize);
    ensure_decodable(part, bytes_per_pixel)?;
    if compression != JPEG {
        return Ok(());
    }
    let tag = if tiled { Tag::TileOffsets } else { Tag::StripOffsets };
    let places: Vec<u64> = reader.find_tag_unsigned_vec(tag).map_err(troubled)?.unwrap_or_default();
    for place in places {
        let start = usize::try_from(place).ok().and_then(|place| bytes.get(place..));
        let Size { height, width } =
            JpegHeader::read(Cursor::new(start.context(DAMAGED)?)).context(DAMAGED)?.size;
        ensure!(
            height <= part.height.next_multiple_of(BLOCK)
                && width <= part.width.next_multiple_of(BLOCK),
            "{DAMAGED} (a part of {}x{} pixels holds a JPEG of {width}x{height})",
            part.width,
            part.height
        );
    }
    Ok(())
}
