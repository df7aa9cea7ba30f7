//! What a TIFF file says of its first picture's samples.

use std::borrow::Cow;
use std::io::Cursor;

use anyhow::{Context, Result};
use tiff::tags::{SampleFormat, Tag};

use crate::data::photo::tiff::directory::Directory;
use crate::data::photo::tiff::meaning::{JPEG, Meaning};
use crate::data::photo::tiff::parts;
use crate::data::photo::tiff::reader::{Reader, open, refuse, troubled};
use crate::data::photo::trouble::DAMAGED;
use crate::geometry::Size;

/// The tag of a camera's raw data.
const DNG_VERSION: u16 = 50_706;

/// Compressions that are not read, by their numbers.
const UNREAD: [(u16, &str); 10] = [
    (2, "Huffman's code of facsimiles"),
    (3, "facsimile group 3"),
    (6, "the old form of JPEG"),
    (34_661, "JBIG"),
    (34_712, "JPEG 2000"),
    (34_887, "LERC"),
    (34_892, "lossy JPEG of raw data"),
    (34_925, "LZMA"),
    (34_933, "PNG"),
    (50_002, "JPEG XL"),
];

/// A channel that says how much covers what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alpha {
    /// Its place among a pixel's samples.
    pub channel: usize,
    /// Colours are multiplied by it already.
    pub associated: bool,
}

/// What a TIFF file says of its first picture.
#[derive(Clone, Debug)]
pub(super) struct Description {
    pub size: Size,
    /// EXIF's number.
    pub orientation: u8,
    pub meaning: Meaning,
    pub alpha: Option<Alpha>,
    /// Bits of a sample.
    pub bits: u8,
    /// Samples of a pixel.
    pub samples: usize,
    pub format: SampleFormat,
    /// Where in the file the meaning stands.
    meaning_at: usize,
}

impl Description {
    /// Reads the first picture's description.
    ///
    /// # Errors
    /// When the file is no TIFF, cut off, or of a kind that has no reader here.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let directory = Directory::read(&mut Cursor::new(bytes))?;
        let mut reader = open(Cow::Borrowed(bytes))?;
        if directory.has(DNG_VERSION) {
            return refuse("of a camera's raw data (DNG)");
        }
        let (width, height) = reader.dimensions().map_err(troubled)?;
        let number = |reader: &mut Reader, tag, default: u16| -> Result<u16> {
            Ok(reader.find_tag_unsigned(tag).map_err(troubled)?.unwrap_or(default))
        };
        let numbers = |reader: &mut Reader, tag| -> Result<Vec<u16>> {
            Ok(reader.find_tag_unsigned_vec(tag).map_err(troubled)?.unwrap_or_default())
        };
        let bits = numbers(&mut reader, Tag::BitsPerSample)?.first().copied().unwrap_or(1);
        let samples = usize::from(number(&mut reader, Tag::SamplesPerPixel, 1)?);
        let compression = number(&mut reader, Tag::Compression, 1)?;
        ensure_readable(compression, samples)?;
        let meaning = Meaning::read(&mut reader, bits, compression)?;
        let extra = numbers(&mut reader, Tag::ExtraSamples)?;
        let channels = meaning.channels();
        if samples < channels {
            return refuse("whose pixels have fewer samples than their colours need");
        }
        let alpha = extra.iter().position(|kind| [1, 2].contains(kind)).map(|index| Alpha {
            channel: samples.saturating_sub(extra.len()).max(channels) + index,
            associated: extra[index] == 1,
        });
        let format = numbers(&mut reader, Tag::SampleFormat)?.first().copied().unwrap_or(1);
        let description = Self {
            size: Size::new(height as usize, width as usize),
            orientation: number(&mut reader, Tag::Orientation, 1)?.min(255) as u8,
            meaning,
            alpha: alpha.filter(|alpha| alpha.channel < samples),
            bits: bits.min(255) as u8,
            samples,
            format: SampleFormat::from_u16_exhaustive(format),
            meaning_at: meaning_at(&directory, bytes).context(DAMAGED)?,
        };
        parts::check(&mut reader, bytes, compression, description.bytes_per_pixel())?;
        Ok(description)
    }

    /// Whether the samples are floating-point numbers.
    pub(super) fn is_float(&self) -> bool {
        self.format == SampleFormat::IEEEFP
    }

    /// The memory that a pixel takes while it is decoded.
    pub(super) fn bytes_per_pixel(&self) -> u64 {
        let stored = (self.samples as u64 * u64::from(self.bits)).div_ceil(8);
        let plain = self.bits <= 16 && !self.is_float();
        if plain { stored.max(1) } else { stored + 4 * self.samples as u64 }
    }

    /// The file with samples that mean nothing but numbers, which are then read as they are stored.
    pub(super) fn as_numbers(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let black_is_zero =
            if bytes.starts_with(b"MM") { 1_u16.to_be_bytes() } else { 1_u16.to_le_bytes() };
        bytes[self.meaning_at..][..2].copy_from_slice(&black_is_zero);
        bytes
    }
}

/// Whether the decoder knows the compression.
fn ensure_readable(compression: u16, samples: usize) -> Result<()> {
    if let Some((_, name)) = UNREAD.iter().find(|(number, _)| *number == compression) {
        return refuse(&format!("compressed with {name}"));
    }
    // The JPEG decoder takes the second of two for something else.
    if compression == JPEG && samples == 2 {
        return refuse("of two samples a pixel compressed with JPEG");
    }
    Ok(())
}

/// Where the value of the tag that says what samples mean stands in the file; `None` if it does not stand
/// where it should.
fn meaning_at(directory: &Directory, bytes: &[u8]) -> Option<usize> {
    let at = usize::try_from(directory.short_at(Tag::PhotometricInterpretation.to_u16())?).ok()?;
    (at + 2 <= bytes.len()).then_some(at)
}
