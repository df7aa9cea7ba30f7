//! What the numbers of a TIFF's pixels mean.

use anyhow::Result;
use tiff::decoder::ifd::Value;
use tiff::tags::Tag;

use crate::data::photo::tiff::reader::{Reader, refuse, troubled};

/// Tags that the `tiff` crate has no names for.
const YCBCR_COEFFICIENTS: Tag = Tag::Unknown(529);
const REFERENCE_BLACK_WHITE: Tag = Tag::Unknown(532);

/// The compression that brings its own subsampling of colours.
pub(super) const JPEG: u16 = 7;

/// What the numbers of a pixel mean, besides transparency.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    /// All reds, then all greens, then all blues, 0 to 1.
    Palette(Vec<f32>),
    Cmyk,
    /// The shares of red and green in the luma, and what stands for black and white of each channel.
    YCbCr {
        luma: [f32; 2],
        reference: [f32; 6],
    },
    /// Lightness and two signed axes.
    CieLab,
    /// The same with axes moved to positive numbers.
    IccLab,
}

impl Meaning {
    /// Samples of a pixel that it speaks of.
    pub(super) fn channels(&self) -> usize {
        match self {
            Self::WhiteIsZero | Self::BlackIsZero | Self::Palette(_) => 1,
            Self::Rgb | Self::YCbCr { .. } | Self::CieLab | Self::IccLab => 3,
            Self::Cmyk => 4,
        }
    }

    /// Reads the meaning of samples of so many bits.
    ///
    /// # Errors
    /// When it is none that has a colour here.
    pub(super) fn read(reader: &mut Reader, bits: u16, compression: u16) -> Result<Self> {
        let stated: u16 =
            reader.get_tag_unsigned(Tag::PhotometricInterpretation).map_err(troubled)?;
        Ok(match stated {
            0 => Meaning::WhiteIsZero,
            1 => Meaning::BlackIsZero,
            2 => Meaning::Rgb,
            3 => Meaning::Palette(palette(reader, bits)?),
            5 => Meaning::Cmyk,
            6 => ycbcr(reader, compression)?,
            8 => Meaning::CieLab,
            9 => Meaning::IccLab,
            4 => return refuse("that is a mask"),
            other => return refuse(&format!("whose pixels have the meaning {other}")),
        })
    }
}

fn palette(reader: &mut Reader, bits: u16) -> Result<Vec<f32>> {
    let colours: Vec<u16> =
        reader.find_tag_unsigned_vec(Tag::ColorMap).map_err(troubled)?.unwrap_or_default();
    if bits > 16 || colours.len() != 3 << bits {
        return refuse("whose palette has another length than its pixels need");
    }
    // Some writers store 8 bits where 16 are due.
    let white = if colours.iter().all(|value| *value < 256) { 255.0 } else { 65_535.0 };
    Ok(colours.into_iter().map(|value| f32::from(value) / white).collect())
}

fn ycbcr(reader: &mut Reader, compression: u16) -> Result<Meaning> {
    let subsampling: Option<Vec<u16>> =
        reader.find_tag_unsigned_vec(Tag::ChromaSubsampling).map_err(troubled)?;
    if compression != JPEG && subsampling.as_deref() != Some(&[1, 1]) {
        return refuse("in YCbCr with fewer colours than pixels");
    }
    let luma = fractions(reader, YCBCR_COEFFICIENTS, [0.299, 0.587, 0.114])?;
    let reference =
        fractions(reader, REFERENCE_BLACK_WHITE, [0.0, 255.0, 128.0, 255.0, 128.0, 255.0])?;
    Ok(Meaning::YCbCr { luma: [luma[0], luma[1]], reference })
}

/// The fractions of a tag.
fn fractions<const N: usize>(reader: &mut Reader, tag: Tag, default: [f32; N]) -> Result<[f32; N]> {
    let values = match reader.find_tag(tag).map_err(troubled)? {
        None => return Ok(default),
        Some(Value::List(values)) => values,
        Some(value) => vec![value],
    };
    let fraction = |value: Value| match value {
        Value::Rational(numerator, denominator) => numerator as f32 / denominator as f32,
        Value::Short(value) => f32::from(value),
        Value::Unsigned(value) => value as f32,
        Value::Float(value) => value,
        Value::Double(value) => value as f32,
        _ => f32::NAN,
    };
    let values: Vec<f32> = values.into_iter().map(fraction).collect();
    match <[f32; N]>::try_from(values) {
        Ok(values) if values.iter().all(|value| value.is_finite()) => Ok(values),
        _ => refuse("whose YCbCr rule is incomplete"),
    }
}
