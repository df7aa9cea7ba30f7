//! Middlebury `.flo`: the tag 202021.25, width, height, then x and y of every pixel, row by row, all in
//! 32 little-endian bits. Beyond 1e9 a value says that the flow is unknown.

use std::io::Write;

use anyhow::{Context, Result};

use crate::data::flo::TAG;
use crate::flow::Flow;

/// Stands for an unknown displacement, as in Middlebury's own code.
const UNKNOWN: f32 = 1e10;

/// Writes a flow, unknown where `matched` denies it.
///
/// # Errors
/// When the file cannot be written or a side exceeds 32 bits.
pub(crate) fn write(file: &mut impl Write, flow: &Flow, matched: Option<&[bool]>) -> Result<()> {
    file.write_all(&TAG)?;
    for side in [flow.size.width, flow.size.height] {
        let side = i32::try_from(side).context("the flow is too large for .flo")?;
        file.write_all(&side.to_le_bytes())?;
    }
    for (index, step) in flow.dx.iter().zip(&flow.dy).enumerate() {
        let is_matched = matched.is_none_or(|matched| matched[index]);
        let (dx, dy) = if is_matched { step } else { (&UNKNOWN, &UNKNOWN) };
        file.write_all(&dx.to_le_bytes())?;
        file.write_all(&dy.to_le_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn bytes_are_those_of_opencv() {
        let flow = Flow::from_channels(Size::new(1, 2), &[1.5, -2.0, 0.25, 1e3]);
        let mut bytes = Vec::new();
        write(&mut bytes, &flow, None).unwrap();
        // cv2.writeOpticalFlow of [[[1.5, 0.25], [-2.0, 1000.0]]].
        let opencv = b"PIEH\x02\0\0\0\x01\0\0\0\0\0\xc0?\0\0\x80>\0\0\0\xc0\0\0zD";
        assert_eq!(bytes, opencv);
    }

    #[test]
    fn a_pixel_without_a_match_is_unknown() {
        let flow = Flow::from_channels(Size::new(1, 2), &[1.5, -2.0, 0.25, 1e3]);
        let mut bytes = Vec::new();
        write(&mut bytes, &flow, Some(&[true, false])).unwrap();
        let values: Vec<f32> = bytes[12..]
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect();
        assert_eq!(values, [1.5, 0.25, 1e10, 1e10]);
    }
}
