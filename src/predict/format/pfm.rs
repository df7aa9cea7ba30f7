//! Portable float maps: a text header, then 32-bit little-endian floats, the BOTTOM row first.
//!
//! A flow takes the three channels x, y, 0, as the FlyingThings3D and Monkaa datasets store theirs.

use std::io::Write;

use anyhow::Result;

use crate::flow::Flow;
use crate::geometry::Size;

/// Writes a flow as a `PF` map of three channels, the third of zeros.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_flow(file: &mut impl Write, flow: &Flow) -> Result<()> {
    write_header(file, "PF", flow.size)?;
    let rows = flow.dx.chunks(flow.size.width).zip(flow.dy.chunks(flow.size.width));
    for (dx_row, dy_row) in rows.rev() {
        for (dx, dy) in dx_row.iter().zip(dy_row) {
            for channel in [*dx, *dy, 0.0] {
                file.write_all(&channel.to_le_bytes())?;
            }
        }
    }
    Ok(())
}

/// Writes a map as a `Pf` map of one channel.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_map(file: &mut impl Write, size: Size, values: &[f32]) -> Result<()> {
    write_header(file, "Pf", size)?;
    for value in values.chunks(size.width).rev().flatten() {
        file.write_all(&value.to_le_bytes())?;
    }
    Ok(())
}

/// The sign of the last number says that little-endian values follow.
fn write_header(file: &mut impl Write, kind: &str, size: Size) -> Result<()> {
    Ok(write!(file, "{kind}\n{} {}\n-1.0\n", size.width, size.height)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_run_from_the_bottom_with_a_third_channel_of_zeros() {
        let flow = Flow::from_channels(Size::new(2, 1), &[1.0, 2.0, 3.0, 4.0]);
        let mut bytes = Vec::new();
        write_flow(&mut bytes, &flow).unwrap();
        let values = [2.0_f32, 4.0, 0.0, 1.0, 3.0, 0.0].map(f32::to_le_bytes).concat();
        assert_eq!(bytes, [b"PF\n1 2\n-1.0\n".as_slice(), &values].concat());
    }

    #[test]
    fn a_map_has_one_channel() {
        let mut bytes = Vec::new();
        write_map(&mut bytes, Size::new(2, 2), &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let values = [3.0_f32, 4.0, 1.0, 2.0].map(f32::to_le_bytes).concat();
        assert_eq!(bytes, [b"Pf\n2 2\n-1.0\n".as_slice(), &values].concat());
    }
}
