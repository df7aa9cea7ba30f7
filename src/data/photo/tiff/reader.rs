//! The `tiff` crate within the program's limits and words.

use std::borrow::Cow;
use std::io::Cursor;

use anyhow::{Error, Result, anyhow, bail};
use tiff::TiffError;
use tiff::decoder::{Decoder, Limits};

use crate::data::photo::limit::most_bytes;
use crate::data::photo::trouble::{DAMAGED, unsupported};

/// A decoder of the first picture.
pub(super) type Reader<'a> = Decoder<Cursor<Cow<'a, [u8]>>>;

/// Reads what the file says of its first picture.
pub(super) fn open(bytes: Cow<'_, [u8]>) -> Result<Reader<'_>> {
    let most = usize::try_from(most_bytes()).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = most;
    limits.intermediate_buffer_size = most;
    Ok(Decoder::new(Cursor::new(bytes)).map_err(troubled)?.with_limits(limits))
}

/// What the `tiff` crate could not do, as what the user can do about it.
pub(super) fn troubled(error: TiffError) -> Error {
    match error {
        TiffError::UnsupportedError(error) => anyhow!(unsupported(&format!("TIFF: {error}"))),
        error => Error::new(error).context(DAMAGED),
    }
}

/// A sound file of a kind that is not read.
pub(super) fn refuse<T>(what: &str) -> Result<T> {
    bail!(unsupported(&format!("TIFF {what}")))
}
