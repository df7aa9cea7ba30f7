//! From a TIFF's samples to colours.

use anyhow::Result;
use image::{DynamicImage, Rgb32FImage, Rgba32FImage};
use tiff::tags::SampleFormat;

use crate::data::photo::tiff::description::{Alpha, Description};
use crate::data::photo::tiff::meaning::Meaning;
use crate::data::photo::tiff::reader::refuse;

/// The picture that samples from 0 to 1 mean.
///
/// # Errors
/// When they have no agreed meaning.
pub(super) fn interpret(description: &Description, samples: Vec<f32>) -> Result<DynamicImage> {
    let Description { meaning, alpha, bits, .. } = description;
    let coded = description.format == SampleFormat::Uint && [8, 16].contains(bits);
    // Each byte of Lab and YCbCr has a meaning of its own.
    let needs_codes = matches!(meaning, Meaning::CieLab | Meaning::IccLab | Meaning::YCbCr { .. });
    if needs_codes && !coded {
        return refuse("in Lab or YCbCr whose samples are not of 8 or 16 bits without sign");
    }
    let codes = if *bits == 16 { 65_535.0 } else { 255.0 };
    let colours = samples.chunks_exact(description.samples).map(|pixel| {
        let colour = match meaning {
            Meaning::WhiteIsZero => [1.0 - pixel[0]; 3],
            Meaning::BlackIsZero => [pixel[0]; 3],
            Meaning::Rgb => [pixel[0], pixel[1], pixel[2]],
            Meaning::Palette(colours) => entry(colours, pixel[0]),
            Meaning::Cmyk => [0, 1, 2].map(|ink| (1.0 - pixel[ink]) * (1.0 - pixel[3])),
            Meaning::YCbCr { luma, reference } => {
                from_ycbcr([pixel[0], pixel[1], pixel[2]], *luma, reference)
            }
            Meaning::CieLab => from_lab(pixel, |axis| signed(axis * codes, codes)),
            Meaning::IccLab => from_lab(pixel, |axis| axis * codes * 256.0 / (codes + 1.0) - 128.0),
        };
        (colour, pixel)
    });
    let (width, height) = (description.size.width as u32, description.size.height as u32);
    let image = match alpha {
        None => {
            let values = colours.flat_map(|(colour, _)| colour).collect();
            Rgb32FImage::from_raw(width, height, values).map(DynamicImage::from)
        }
        Some(alpha) => {
            let values =
                colours.flat_map(|(colour, pixel)| covering(colour, pixel, *alpha)).collect();
            Rgba32FImage::from_raw(width, height, values).map(DynamicImage::from)
        }
    };
    match image {
        Some(image) => Ok(image),
        None => refuse("whose samples do not fill its size"),
    }
}

/// A colour with its transparency, not multiplied by it.
fn covering(colour: [f32; 3], pixel: &[f32], Alpha { channel, associated }: Alpha) -> [f32; 4] {
    let alpha = pixel[channel];
    let [red, green, blue] = match associated {
        true if alpha > 0.0 => colour.map(|value| (value / alpha).min(1.0)),
        _ => colour,
    };
    [red, green, blue, alpha]
}

/// A palette's colour; the sample is the entry's part of the last.
fn entry(colours: &[f32], sample: f32) -> [f32; 3] {
    let length = colours.len() / 3;
    let index = (sample * (length - 1) as f32).round() as usize;
    [0, 1, 2].map(|channel| colours[channel * length + index.min(length - 1)])
}

/// Luma and colour differences; black and white stand at the reference's codes of 8 bits.
fn from_ycbcr(pixel: [f32; 3], [red, green]: [f32; 2], reference: &[f32; 6]) -> [f32; 3] {
    let part = |channel: usize, range: f32| {
        let [black, white] = [reference[2 * channel], reference[2 * channel + 1]];
        (pixel[channel] * 255.0 - black) * range / (white - black)
    };
    let (luma, blue_difference, red_difference) =
        (part(0, 1.0), part(1, 127.0 / 255.0), part(2, 127.0 / 255.0));
    let blue = 1.0 - red - green;
    let r = luma + red_difference * (2.0 - 2.0 * red);
    let b = luma + blue_difference * (2.0 - 2.0 * blue);
    let g = (luma - red * r - blue * b) / green;
    [r, g, b].map(|value| value.clamp(0.0, 1.0))
}

/// The number that a code of signed integers stands for, in units of 8 bits.
fn signed(code: f32, codes: f32) -> f32 {
    let code = code.round();
    let number = if code > codes / 2.0 { code - codes - 1.0 } else { code };
    number * 256.0 / (codes + 1.0)
}

/// CIE L*a*b* under D50, as sRGB.
fn from_lab(pixel: &[f32], axis: impl Fn(f32) -> f32) -> [f32; 3] {
    let y = (pixel[0] * 100.0 + 16.0) / 116.0;
    let (x, z) = (y + axis(pixel[1]) / 500.0, y - axis(pixel[2]) / 200.0);
    let linear = |t: f32| if t > 6.0 / 29.0 { t.powi(3) } else { (t - 4.0 / 29.0) * 108.0 / 841.0 };
    let [x, y, z] = [0.9642 * linear(x), linear(y), 0.8249 * linear(z)];
    // To sRGB's primaries, its white adapted by Bradford's method.
    let rows = [
        [3.133_856, -1.616_867, -0.490_615],
        [-0.978_768, 1.916_142, 0.033_454],
        [0.071_945, -0.228_991, 1.405_243],
    ];
    rows.map(|row: [f32; 3]| {
        let value = (row[0] * x + row[1] * y + row[2] * z).clamp(0.0, 1.0);
        if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
    })
}
