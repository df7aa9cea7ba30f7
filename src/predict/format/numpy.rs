//! NumPy `.npy` and `.npz`, float32.

use std::io::{Seek, Write};

use anyhow::Result;
use npyz::write_options::WithWriter;
use npyz::{WriteOptions, WriterBuilder};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::flow::Flow;
use crate::geometry::Size;
use crate::output::write_archive;

/// Writes a flow as one `[2, H, W]` array.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_npy(file: &mut impl Write, flow: &Flow) -> Result<()> {
    write_array(WriteOptions::new().writer(file), &flow_shape(flow), channels(flow))
}

/// Writes a map as one `[H, W]` array.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_map(file: &mut impl Write, size: Size, values: &[f32]) -> Result<()> {
    write_array(WriteOptions::new().writer(file), &map_shape(size), values.iter().copied())
}

/// Writes a flow and its confidence as the arrays `flow` `[2, H, W]` and `confidence` `[H, W]`, stored as
/// they are (like `numpy.savez`): floats of a smooth field hardly shrink.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_npz(
    file: &mut (impl Write + Seek),
    flow: &Flow,
    confidence: &[f32],
) -> Result<()> {
    write_archive(file, |archive| {
        archive.start_file("flow.npy", options())?;
        write_npy(archive, flow)?;
        archive.start_file("confidence.npy", options())?;
        write_map(archive, flow.size, confidence)
    })
}

/// Writes arrays, each with its name and shape, likewise.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_table(
    file: &mut (impl Write + Seek),
    arrays: &[(&str, &[u64], Vec<f32>)],
) -> Result<()> {
    write_archive(file, |archive| {
        for (name, shape, values) in arrays {
            archive.start_file(format!("{name}.npy"), options())?;
            write_array(WriteOptions::new().writer(&mut *archive), shape, values.iter().copied())?;
        }
        Ok(())
    })
}

/// No date, so that equal results are equal files; large, because 16k photos have 4 GB of numbers.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .large_file(true)
}

fn channels(flow: &Flow) -> impl Iterator<Item = f32> {
    flow.dx.iter().chain(&flow.dy).copied()
}

fn flow_shape(flow: &Flow) -> [u64; 3] {
    [2, flow.size.height as u64, flow.size.width as u64]
}

fn map_shape(size: Size) -> [u64; 2] {
    [size.height as u64, size.width as u64]
}

/// Writes `values` into an array just begun.
fn write_array<W: Write>(
    array: WithWriter<W, WriteOptions<f32>>,
    shape: &[u64],
    values: impl Iterator<Item = f32>,
) -> Result<()> {
    let mut array = array.default_dtype().shape(shape).begin_nd()?;
    array.extend(values)?;
    Ok(array.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use npyz::NpyFile;

    use super::*;

    fn flow() -> Flow {
        Flow::from_channels(Size::new(2, 1), &[1.0, -2.5, 0.125, 1e-3])
    }

    #[test]
    fn npy_has_the_header_numpy_writes_and_the_channels_in_order() {
        let mut bytes = Vec::new();
        write_npy(&mut bytes, &flow()).unwrap();
        let header = String::from_utf8_lossy(&bytes[10..128]).into_owned();
        assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"), "{bytes:?}");
        assert!(header.contains("'descr': '<f4'") && header.contains("(2, 2, 1"), "{header}");
        assert!(header.contains("'fortran_order': False"), "{header}");
        let values = [1.0_f32, -2.5, 0.125, 1e-3].map(f32::to_le_bytes).concat();
        assert_eq!(bytes[bytes.len() - 16..], values);
        assert_eq!((bytes.len() - 16) % 64, 0);
    }

    #[test]
    fn npz_keeps_flow_and_confidence() {
        let mut bytes = Cursor::new(Vec::new());
        write_npz(&mut bytes, &flow(), &[0.5, 1.0]).unwrap();
        let mut archive = zip::ZipArchive::new(bytes).unwrap();
        let mut read = |name: &str| {
            let array = NpyFile::new(archive.by_name(name).unwrap()).unwrap();
            (array.shape().to_vec(), array.into_vec::<f32>().unwrap())
        };
        assert_eq!(read("flow.npy"), (vec![2, 2, 1], vec![1.0, -2.5, 0.125, 1e-3]));
        assert_eq!(read("confidence.npy"), (vec![2, 1], vec![0.5, 1.0]));
    }
}
