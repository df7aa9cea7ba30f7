//! How large a photo may be: a small file can claim to hold any number of pixels.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};

use crate::geometry::Size;

/// The longest side that is decoded, in pixels.
pub(crate) const LONGEST_SIDE: usize = 16_384;

/// The memory that one photo may take while it is decoded, unless the user says otherwise, in MiB: enough for
/// the longest sides in 8 bits, with transparency.
pub(crate) const DEFAULT_MEBIBYTES: u64 = 1024;

/// One for the process, as the number of threads is: every reader of photos minds it.
static MOST_BYTES: AtomicU64 = AtomicU64::new(DEFAULT_MEBIBYTES << 20);

/// Sets the memory that one photo may take while it is decoded.
pub(crate) fn set_most_mebibytes(mebibytes: u64) {
    MOST_BYTES.store(mebibytes.saturating_mul(1 << 20), Ordering::Relaxed);
}

/// The memory that one photo may take while it is decoded, in bytes.
pub(super) fn most_bytes() -> u64 {
    MOST_BYTES.load(Ordering::Relaxed)
}

/// The longest file that is read as a photo: what is not compressed takes as much as its pixels.
pub(super) fn most_file_bytes() -> u64 {
    most_bytes().saturating_add(256 << 20)
}

/// Whether a photo of this size is within the limits when its decoder takes so many bytes a pixel.
///
/// # Errors
/// When it is not; the error says which flag raises the limit.
pub(super) fn ensure_decodable(size: Size, bytes_per_pixel: u64) -> Result<()> {
    ensure_sides(size)?;
    ensure_bytes(size, (size.area() as u64).saturating_mul(bytes_per_pixel))
}

/// Whether the sides are within the limits.
///
/// # Errors
/// When one is too long, or there are no pixels.
pub(super) fn ensure_sides(size: Size) -> Result<()> {
    let Size { height, width } = size;
    ensure!(
        width.max(height) <= LONGEST_SIDE,
        "the image is {width}x{height} pixels and no side may exceed {LONGEST_SIDE}: scale it down"
    );
    ensure!(width.min(height) > 0, "the image is {width}x{height} pixels: it has no content");
    Ok(())
}

/// Whether decoding may take so many bytes.
///
/// # Errors
/// When it may not; the error says which flag raises the limit.
pub(super) fn ensure_bytes(size: Size, bytes: u64) -> Result<()> {
    let most = most_bytes();
    ensure!(
        bytes <= most,
        "decoding its {size} pixels takes {} MiB of memory and one photo may take {}: scale it down, or raise \
         the limit with --photo-memory {}",
        bytes.div_ceil(1 << 20),
        most >> 20,
        bytes.div_ceil(1 << 20)
    );
    Ok(())
}
