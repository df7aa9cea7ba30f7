//! A TIFF's samples as numbers from 0 to 1, in the order of pixels.
//!
//! Unsigned samples of up to 16 bits count from 0 to the largest number of their bits, signed ones from 0 to
//! their largest (below 0 is black). Floats count from 0 to 1. Where floats exceed 1, and in integers of 32
//! and 64 bits, whose writers agree on no white, the largest value of the picture is white; what is no number
//! is black.

use std::borrow::Cow;

use anyhow::{Result, ensure};
use tiff::decoder::DecodingResult;

use crate::data::photo::tiff::description::Description;
use crate::data::photo::tiff::reader::{open, refuse, troubled};

/// Reads all samples of the first picture.
///
/// # Errors
/// When the file is damaged or cut off, or compressed in a way that is not read.
pub(super) fn read(bytes: &[u8], description: &Description) -> Result<Vec<f32>> {
    let mut reader = open(Cow::Owned(description.as_numbers(bytes)))?;
    let mut stored = DecodingResult::U8(Vec::new());
    let layout = reader.read_image_to_buffer(&mut stored).map_err(troubled)?;
    let samples = description.samples;
    let bits = description.bits;
    let values = match stored {
        DecodingResult::U8(values) if bits < 8 => {
            if layout.planes > 1 {
                return refuse("of planes of less than 8 bits");
            }
            unpacked(&values, bits, description.size.width * samples)
        }
        DecodingResult::U8(values) => counted(values, f32::from(u8::MAX)),
        DecodingResult::U16(values) => counted(values, f32::from(u16::MAX)),
        DecodingResult::I8(values) => counted(values, f32::from(i8::MAX)),
        DecodingResult::I16(values) => counted(values, f32::from(i16::MAX)),
        DecodingResult::F16(values) => float(values.into_iter().map(f64::from)),
        DecodingResult::F32(values) => float(values.into_iter().map(f64::from)),
        DecodingResult::F64(values) => float(values.into_iter()),
        DecodingResult::U32(values) => wide(values.into_iter().map(f64::from)),
        DecodingResult::I32(values) => wide(values.into_iter().map(f64::from)),
        DecodingResult::U64(values) => wide(values.into_iter().map(|value| value as f64)),
        DecodingResult::I64(values) => wide(values.into_iter().map(|value| value as f64)),
    };
    let area = description.size.area();
    ensure!(
        values.len() == area * samples,
        "the TIFF holds another number of samples than its size needs"
    );
    Ok(if layout.planes > 1 { interleaved(&values, area, samples) } else { values })
}

/// Numbers of which the largest possible is white.
fn counted<T: Into<f32>>(values: Vec<T>, white: f32) -> Vec<f32> {
    values.into_iter().map(|value| (value.into() / white).max(0.0)).collect()
}

/// Rows of samples of less than 8 bits, each row beginning with a byte of its own.
fn unpacked(packed: &[u8], bits: u8, row: usize) -> Vec<f32> {
    let per_byte = usize::from(8 / bits);
    let white = (1_u8 << bits) - 1;
    let mut values = Vec::with_capacity(packed.len() * per_byte);
    for bytes in packed.chunks(row.div_ceil(per_byte).max(1)) {
        let samples = (0..row.min(bytes.len() * per_byte)).map(|index| {
            let shift = 8 - bits * (index % per_byte + 1) as u8;
            f32::from((bytes[index / per_byte] >> shift) & white) / f32::from(white)
        });
        values.extend(samples);
    }
    values
}

/// Floats: up to 1 as they are, beyond it by their largest.
fn float(values: impl Iterator<Item = f64> + Clone) -> Vec<f32> {
    let largest = largest(values.clone());
    scaled(values, if largest > 1.0 { largest } else { 1.0 })
}

/// Integers whose white is not agreed on.
fn wide(values: impl Iterator<Item = f64> + Clone) -> Vec<f32> {
    let largest = largest(values.clone());
    scaled(values, if largest > 0.0 { largest } else { 1.0 })
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.filter(|value| value.is_finite()).fold(0.0, f64::max)
}

fn scaled(values: impl Iterator<Item = f64>, white: f64) -> Vec<f32> {
    let unit = |value: f64| if value.is_nan() { 0.0 } else { (value / white).clamp(0.0, 1.0) };
    values.map(|value| unit(value) as f32).collect()
}

/// Planes one after the other, as pixels.
fn interleaved(planes: &[f32], area: usize, samples: usize) -> Vec<f32> {
    let pixel = |index: usize| (0..samples).map(move |plane| planes[plane * area + index]);
    (0..area).flat_map(pixel).collect()
}
