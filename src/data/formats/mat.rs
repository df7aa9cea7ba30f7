//! MATLAB level 5 files, as far as annotations use them: named numeric matrices, compressed or not.
//!
//! Read here and not by a library: the one crate for it takes the sizes that a damaged file states on
//! trust. Sizes are checked against the bytes that are there before anything is allocated.
//! Format: "MAT-File Format", The MathWorks, chapter 1.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use flate2::read::ZlibDecoder;

use crate::visible::Shown;

/// Length of the text and version at the start.
const HEADER: usize = 128;

/// Annotations are a few kilobytes; more is something else.
const MOST_BYTES: u64 = 16 << 20;

const COMPRESSED: u32 = 15;
const MATRIX: u32 = 14;

/// A real matrix, stored column by column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// All values, column by column.
    pub values: Vec<f64>,
}

impl Matrix {
    /// One value.
    pub(crate) fn at(&self, row: usize, column: usize) -> f64 {
        self.values[column * self.rows + row]
    }
}

/// The numeric matrices of a file by name; other variables are passed over.
///
/// # Errors
/// When the file cannot be read or is no MATLAB level 5 file.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Matrix>> {
    let attempt = || -> Result<BTreeMap<String, Matrix>> {
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
        ensure!(bytes.len() as u64 <= MOST_BYTES, "the file is too large for an annotation");
        parse(&bytes)
    };
    attempt().with_context(|| format!("reading the MATLAB file `{}`", path.shown()))
}

/// The numeric matrices of a file's bytes.
///
/// # Errors
/// When they are not those of a MATLAB level 5 file.
pub(crate) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Matrix>> {
    ensure!(
        !bytes.starts_with(b"MATLAB 7.3"),
        "this is a file of MATLAB 7.3 (HDF5): save it again with `-v7`"
    );
    let marker = bytes.get(HEADER - 4..HEADER).context("shorter than a MATLAB file's header")?;
    ensure!(marker == [0x00, 0x01, b'I', b'M'], "no little-endian MATLAB level 5 file");
    let mut found = BTreeMap::new();
    let mut elements = Elements { rest: &bytes[HEADER..] };
    while let Some((kind, data)) = elements.next()? {
        let matrix = match kind {
            COMPRESSED => {
                let mut inner = Vec::new();
                ZlibDecoder::new(data)
                    .take(MOST_BYTES + 1)
                    .read_to_end(&mut inner)
                    .context("decompressing a variable")?;
                ensure!(inner.len() as u64 <= MOST_BYTES, "a variable is too large");
                match (Elements { rest: &inner }).next()? {
                    Some((MATRIX, data)) => parse_matrix(data)?,
                    _ => None,
                }
            }
            MATRIX => parse_matrix(data)?,
            _ => None,
        };
        found.extend(matrix);
    }
    Ok(found)
}

/// A matrix with its name; `None` if it is no real numeric matrix of two dimensions.
fn parse_matrix(data: &[u8]) -> Result<Option<(String, Matrix)>> {
    let mut parts = Elements { rest: data };
    let mut part =
        |what: &str| parts.next()?.with_context(|| format!("a variable ends before its {what}"));
    let (_, flags) = part("flags")?;
    let (_, dimensions) = part("dimensions")?;
    let (_, name) = part("name")?;
    let (class, is_complex) = match flags {
        [class, flags, ..] => (*class, flags & 0x08 != 0),
        _ => bail!("a variable has no flags"),
    };
    let sizes: Vec<usize> = dimensions.chunks_exact(4).map(|size| number(size) as usize).collect();
    // Classes 6 to 15 are the numeric ones: double, single, and integers of 8 to 64 bits.
    let (&[rows, columns], 6..=15, false) = (sizes.as_slice(), class, is_complex) else {
        return Ok(None);
    };
    let (kind, values) = part("values")?;
    let values = numbers(kind, values)?;
    ensure!(
        rows.checked_mul(columns) == Some(values.len()),
        "a matrix of {rows} by {columns} holds {} values",
        values.len()
    );
    Ok(Some((String::from_utf8_lossy(name).into_owned(), Matrix { rows, columns, values })))
}

/// Numbers as they are stored; small ones may be stored shorter than their matrix's class.
fn numbers(kind: u32, bytes: &[u8]) -> Result<Vec<f64>> {
    fn all<const N: usize>(bytes: &[u8], convert: fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.as_chunks::<N>().0.iter().map(|chunk| convert(*chunk)).collect()
    }
    Ok(match kind {
        1 => all::<1>(bytes, |b| f64::from(i8::from_le_bytes(b))),
        2 => all::<1>(bytes, |b| f64::from(u8::from_le_bytes(b))),
        3 => all::<2>(bytes, |b| f64::from(i16::from_le_bytes(b))),
        4 => all::<2>(bytes, |b| f64::from(u16::from_le_bytes(b))),
        5 => all::<4>(bytes, |b| f64::from(i32::from_le_bytes(b))),
        6 => all::<4>(bytes, |b| f64::from(u32::from_le_bytes(b))),
        7 => all::<4>(bytes, |b| f64::from(f32::from_le_bytes(b))),
        9 => all::<8>(bytes, f64::from_le_bytes),
        12 => all::<8>(bytes, |b| i64::from_le_bytes(b) as f64),
        13 => all::<8>(bytes, |b| u64::from_le_bytes(b) as f64),
        _ => bail!("numbers of the unknown kind {kind}"),
    })
}

/// The elements of a stretch of bytes, one after another.
struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    /// The next element's kind and data; `None` at the end.
    fn next(&mut self) -> Result<Option<(u32, &'a [u8])>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.rest.get(..8).context("cut off within an element's tag")?;
        let first = number(&tag[..4]);
        // Small elements have their length in the tag's upper half and up to four bytes in the tag.
        let (kind, start, length) = match first >> 16 {
            0 => (first, 8usize, number(&tag[4..]) as usize),
            length => (first & 0xFFFF, 4, length as usize),
        };
        ensure!(start == 8 || length <= 4, "an element's tag is damaged");
        let data = start.checked_add(length).and_then(|end| self.rest.get(start..end));
        let data =
            data.with_context(|| format!("cut off: an element of {length} bytes does not fit"))?;
        // All but compressed elements are padded to eight bytes.
        let end =
            if kind == COMPRESSED { start + length } else { (start + length).next_multiple_of(8) };
        self.rest = self.rest.get(end..).unwrap_or_default();
        Ok(Some((kind, data)))
    }
}

/// Four bytes as a number.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn element(kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        bytes.extend(data);
        if kind != COMPRESSED {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        bytes
    }

    fn matrix(name: &str, [rows, columns]: [u32; 2], values: Vec<u8>) -> Vec<u8> {
        let dimensions = [rows.to_le_bytes(), columns.to_le_bytes()].concat();
        // The values' kind is double, or uint16 if there are two bytes each.
        let kind = if values.len() as u32 == 2 * rows * columns { 4 } else { 9 };
        let parts = [
            element(6, &[6, 0, 0, 0, 0, 0, 0, 0]),
            element(5, &dimensions),
            element(1, name.as_bytes()),
            element(kind, &values),
        ];
        element(MATRIX, &parts.concat())
    }

    fn file(elements: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![b' '; HEADER - 4];
        bytes.extend([0x00, 0x01, b'I', b'M']);
        bytes.extend(elements.concat());
        bytes
    }

    fn compressed(data: &[u8]) -> Vec<u8> {
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        element(COMPRESSED, &encoder.finish().unwrap())
    }

    fn example() -> Vec<u8> {
        let points: Vec<u8> =
            [1.5f64, f64::NAN, 3.5, 4.5].iter().flat_map(|value| value.to_le_bytes()).collect();
        let bounds: Vec<u8> =
            [7u16, 8, 9, 10].iter().flat_map(|value| value.to_le_bytes()).collect();
        file(&[compressed(&matrix("kps", [2, 2], points)), matrix("bbox", [1, 4], bounds)])
    }

    #[test]
    fn compressed_and_plain_matrices_are_read_column_by_column() {
        let found = parse(&example()).unwrap();
        assert_eq!(found["kps"].at(0, 1), 3.5);
        assert!(found["kps"].at(1, 0).is_nan());
        assert_eq!(found["bbox"].values, [7.0, 8.0, 9.0, 10.0]);
    }

    #[test]
    fn files_cut_off_or_altered_anywhere_do_no_harm() {
        let bytes = example();
        for length in 0..bytes.len() {
            let _ = parse(&bytes[..length]);
        }
        assert!(parse(&bytes[..bytes.len() - 20]).is_err());
        for position in HEADER..bytes.len() {
            for flip in [0x01, 0x80, 0xFF] {
                let mut altered = bytes.clone();
                altered[position] ^= flip;
                let _ = parse(&altered);
            }
        }
    }

    /// Made by `tests/golden/mat/generate.py`: text, a structure and a complex matrix besides.
    const SCIPY: [&[u8]; 2] = [
        include_bytes!("../../../tests/golden/mat/plain.mat"),
        include_bytes!("../../../tests/golden/mat/compressed.mat"),
    ];

    #[test]
    fn files_of_scipy_give_their_numeric_matrices() {
        for bytes in SCIPY {
            let found = parse(bytes).unwrap();
            assert_eq!(found.keys().collect::<Vec<_>>(), ["bbox", "kps", "x"]);
            let keypoints = &found["kps"];
            assert_eq!((keypoints.rows, keypoints.columns), (3, 2));
            assert!(keypoints.at(1, 0).is_nan() && keypoints.at(1, 1).is_nan());
            assert_eq!((keypoints.at(2, 0), keypoints.at(0, 1)), (300.25, 2.0));
            assert_eq!(found["bbox"].values, [10.0, 20.0, 310.0, 260.0]);
            assert_eq!(found["x"].values, [7.0]);
        }
    }

    #[test]
    fn inflating_stops_at_its_limit() {
        let bomb = file(&[compressed(&vec![0; MOST_BYTES as usize + 9])]);
        assert!(format!("{:#}", parse(&bomb).unwrap_err()).contains("too large"));
    }

    #[test]
    fn other_kinds_of_file_are_named() {
        let error = |bytes: &[u8]| format!("{:#}", parse(bytes).unwrap_err());
        assert!(error(b"MATLAB 7.3 MAT-file, Platform: GLNXA64").contains("save it again"));
        assert!(error(&[0; 200]).contains("MATLAB level 5 file"));
    }
}
