//! KITTI's flow PNG: 16-bit red = x, green = y, each `64 d + 2^15`, and blue = 1 where the flow is valid.

use std::io::Write;

use anyhow::Result;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::flow::Flow;

/// Steps per pixel of displacement.
const STEPS: f32 = 64.0;
/// What stands for no displacement.
const ZERO: f32 = 32768.0;

/// Writes a flow and returns the number of pixels whose displacement lies outside -512 to 511.98 and
/// which are therefore marked invalid.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(file: &mut impl Write, flow: &Flow) -> Result<usize> {
    let mut invalid = 0;
    let mut samples = Vec::with_capacity(flow.size.area() * 3);
    for (dx, dy) in flow.dx.iter().zip(&flow.dy) {
        match encode(*dx).zip(encode(*dy)) {
            Some((x, y)) => samples.extend([x, y, 1]),
            None => {
                invalid += 1;
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
        assert_eq!(write(&mut bytes, &flow).unwrap(), 2);
        let picture = image::load_from_memory(&bytes).unwrap().into_rgb16();
        let pixels: Vec<[u16; 3]> = picture.pixels().map(|pixel| pixel.0).collect();
        assert_eq!(pixels, [[32864, 32640, 1], [0, 0, 0], [0, 0, 0], [32768, 65535, 1]]);
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
