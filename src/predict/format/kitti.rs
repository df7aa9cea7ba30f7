//! KITTI's flow PNG: 16-bit red = x, green = y, each `64 d + 2^15`, and blue = 1 where the flow is valid;
//! elsewhere all three are 0.

use std::io::Write;

use anyhow::Result;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::flow::Flow;

/// Steps per pixel of displacement.
const STEPS: f32 = 64.0;
/// What stands for no displacement.
const ZERO: f32 = 32768.0;

/// Writes a flow, valid where `matched` does not deny it, and returns the number of matched pixels whose
/// displacement lies outside -512 to 511.98 and which are therefore marked invalid.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(file: &mut impl Write, flow: &Flow, matched: Option<&[bool]>) -> Result<usize> {
    let mut invalid = 0;
    let mut samples = Vec::with_capacity(flow.size.area() * 3);
    for (index, (dx, dy)) in flow.dx.iter().zip(&flow.dy).enumerate() {
        let is_matched = matched.is_none_or(|matched| matched[index]);
        match encode(*dx).zip(encode(*dy)) {
            Some((x, y)) if is_matched => samples.extend([x, y, 1]),
            encoded => {
                invalid += usize::from(is_matched && encoded.is_none());
                samples.extend([0, 0, 0]);
            }
        }
    }
    // The encoder takes 16-bit samples in the machine's own byte order.
    let bytes: Vec<u8> = samples.into_iter().flat_map(u16::to_ne_bytes).collect();
    let (width, height) = (u32::try_from(flow.size.width)?, u32::try_from(flow.size.height)?);
    PngEncoder::new(file).write_image(&bytes, width, height, ExtendedColorType::Rgb16)?;
    Ok(invalid)
}

/// The 16-bit value of a displacement, where there is one.
fn encode(displacement: f32) -> Option<u16> {
    let value = (displacement * STEPS + ZERO).round();
    (0.0..=f32::from(u16::MAX)).contains(&value).then_some(value as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn values_out_of_range_are_marked_invalid_and_counted() {
        let flow = Flow::from_channels(
            Size::new(1, 4),
            &[1.5, -512.1, 0.0, 0.0, -2.0, 0.0, 512.0, 511.98],
        );
        let mut bytes = Vec::new();
        assert_eq!(write(&mut bytes, &flow, None).unwrap(), 2);
        assert_eq!(pixels(&bytes), [[32864, 32640, 1], [0, 0, 0], [0, 0, 0], [32768, 65535, 1]]);
    }

    #[test]
    fn pixels_without_a_match_are_invalid_and_not_counted_as_out_of_range() {
        let flow = Flow::from_channels(Size::new(1, 3), &[1.5, 1.5, 600.0, 0.0, 0.0, 0.0]);
        let mut bytes = Vec::new();
        assert_eq!(write(&mut bytes, &flow, Some(&[true, false, false])).unwrap(), 0);
        assert_eq!(pixels(&bytes), [[32864, 32768, 1], [0, 0, 0], [0, 0, 0]]);
    }

    fn pixels(bytes: &[u8]) -> Vec<[u16; 3]> {
        let picture = image::load_from_memory(bytes).unwrap().into_rgb16();
        picture.pixels().map(|pixel| pixel.0).collect()
    }

    #[test]
    fn displacements_survive_to_half_a_step() {
        for displacement in [-512.0, -17.03, 0.004, 300.3, 511.98] {
            let value = f32::from(encode(displacement).unwrap());
            assert!(((value - ZERO) / STEPS - displacement).abs() <= 0.5 / STEPS + 1e-5);
        }
        assert_eq!(encode(f32::NAN), None);
    }
}
