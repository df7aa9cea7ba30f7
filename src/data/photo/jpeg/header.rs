//! What a JPEG says before its pixels: size, kind of coding, components, EXIF.

use std::io::{BufRead, Seek, SeekFrom};

use anyhow::{Result, bail, ensure};
use image::metadata::Orientation;

use crate::geometry::Size;

/// A JPEG's segments up to its first scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JpegHeader {
    /// The size as stored.
    pub size: Size,
    /// Bits of a sample.
    precision: u8,
    /// The low half of the marker that says how the frame is coded (`SOF0` to `SOF15`).
    process: u8,
    /// How often each component is sampled along the two axes.
    sampling: Vec<(u8, u8)>,
    /// Whether the pixels come in several passes, so that all coefficients are held until the last.
    pub multiple_scans: bool,
    /// The EXIF block, as a TIFF structure.
    exif: Option<Vec<u8>>,
}

/// Markers.
const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;
const EXIF: u8 = 0xE1;

/// What begins an EXIF block.
const EXIF_NAME: &[u8] = b"Exif\0\0";

impl JpegHeader {
    /// Reads up to the first scan.
    ///
    /// # Errors
    /// When the file is cut off or no JPEG.
    pub(crate) fn read(mut file: impl BufRead + Seek) -> Result<Self> {
        let mut frame: Option<Self> = None;
        let mut exif = None;
        loop {
            let marker = next_marker(&mut file)?;
            match marker {
                // Stuffed zero, restarts, start of image: no segment follows.
                0x00 | 0x01 | 0xD0..=0xD8 => continue,
                END_OF_IMAGE => bail!("the JPEG holds no picture"),
                _ => {}
            }
            let length = usize::from(u16::from_be_bytes(bytes(&mut file)?));
            ensure!(length >= 2, "a JPEG segment has an impossible length");
            let length = length - 2;
            match marker {
                // All frames but the markers of tables that lie between them.
                0xC0..=0xCF if ![0xC4, 0xC8, 0xCC].contains(&marker) => {
                    frame = Some(Self::of_frame(marker, &segment(&mut file, length)?)?);
                }
                EXIF if exif.is_none() => {
                    let content = segment(&mut file, length)?;
                    exif = content.strip_prefix(EXIF_NAME).map(<[u8]>::to_vec);
                }
                START_OF_SCAN => {
                    let Some(frame) = frame else { bail!("a JPEG scan comes before its frame") };
                    let components = usize::from(bytes::<1>(&mut file)?[0]);
                    let multiple_scans =
                        frame.is_progressive() || components < frame.sampling.len();
                    return Ok(Self { multiple_scans, exif, ..frame });
                }
                _ => drop(file.seek(SeekFrom::Current(length as i64))?),
            }
        }
    }

    fn of_frame(marker: u8, content: &[u8]) -> Result<Self> {
        let [precision, h0, h1, w0, w1, count, components @ ..] = content else {
            bail!("the JPEG's frame is cut off");
        };
        ensure!(components.len() >= 3 * usize::from(*count), "the JPEG's frame is cut off");
        let side = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
        let components = components.chunks_exact(3).take(usize::from(*count));
        Ok(Self {
            size: Size::new(side(*h0, *h1), side(*w0, *w1)),
            precision: *precision,
            process: marker & 0x0F,
            sampling: components.map(|part| (part[1] >> 4, part[1] & 0x0F)).collect(),
            multiple_scans: false,
            exif: None,
        })
    }

    /// How a viewer turns the photo.
    pub(crate) fn orientation(&self) -> Orientation {
        let exif = self.exif.as_deref();
        exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
    }

    fn is_progressive(&self) -> bool {
        matches!(self.process, 2 | 6 | 10 | 14)
    }

    /// Why libjpeg cannot decode such a file, sound as it is; `None` if it can.
    pub(crate) fn unsupported(&self) -> Option<String> {
        match self.process {
            3 | 11 => return Some("lossless JPEG".to_owned()),
            5..=7 | 13..=15 => return Some("hierarchical JPEG".to_owned()),
            _ => {}
        }
        if self.precision != 8 {
            return Some(format!("JPEG of {} bits", self.precision));
        }
        if self.size.height == 0 {
            return Some("JPEG whose height stands behind its pixels".to_owned());
        }
        let components = self.sampling.len();
        (![1, 3, 4].contains(&components)).then(|| format!("JPEG of {components} components"))
    }

    /// The memory that all coefficients take, if they are held; else 0.
    pub(crate) fn coefficient_bytes(&self) -> u64 {
        if !self.multiple_scans {
            return 0;
        }
        let most = |side: fn(&(u8, u8)) -> u8| {
            u64::from(self.sampling.iter().map(side).max().unwrap_or(1).max(1))
        };
        let whole = most(|sampling| sampling.0) * most(|sampling| sampling.1);
        let samples: u64 = self.sampling.iter().map(|(x, y)| u64::from(*x) * u64::from(*y)).sum();
        // Two bytes each; blocks are padded to whole ones.
        (self.size.area() as u64).saturating_mul(2 * samples).div_ceil(whole)
    }
}

/// The next marker: what stands between segments is skipped, as decoders do.
fn next_marker(file: &mut impl BufRead) -> Result<u8> {
    loop {
        let [mut byte] = bytes(file)?;
        if byte != 0xFF {
            continue;
        }
        while byte == 0xFF {
            [byte] = bytes(file)?;
        }
        return Ok(byte);
    }
}

fn bytes<const N: usize>(file: &mut impl BufRead) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn segment(file: &mut impl BufRead, length: usize) -> Result<Vec<u8>> {
    let mut content = vec![0; length];
    file.read_exact(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn header(frame: &[u8], scan_components: u8) -> JpegHeader {
        let mut file = b"\xFF\xD8\xFF\xE1\0\x0AExif\0\0II".to_vec();
        file.extend(b"\xFF\xFF");
        file.extend(frame);
        file.extend([0xFF, START_OF_SCAN, 0, 3, scan_components]);
        JpegHeader::read(Cursor::new(file)).unwrap()
    }

    const BASELINE: &[u8] = &[0xC0, 0, 17, 8, 0, 30, 0, 40, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0];

    #[test]
    fn size_exif_and_passes_are_read() {
        let one = header(BASELINE, 3);
        assert_eq!((one.size, one.multiple_scans), (Size::new(30, 40), false));
        assert_eq!(one.exif.as_deref(), Some(b"II".as_slice()));
        assert_eq!((one.unsupported(), one.coefficient_bytes()), (None, 0));
        let several = header(BASELINE, 1);
        assert_eq!(several.coefficient_bytes(), 30 * 40 * 2 * 6 / 4);
    }

    #[test]
    fn what_libjpeg_cannot_decode_is_named() {
        let changed = |at: usize, value: u8| {
            let mut frame = BASELINE.to_vec();
            frame[at] = value;
            header(&frame, 3).unsupported().unwrap_or_default()
        };
        assert_eq!(changed(3, 12), "JPEG of 12 bits");
        assert_eq!(changed(0, 0xC3), "lossless JPEG");
        assert_eq!(changed(0, 0xC5), "hierarchical JPEG");
        assert_eq!(changed(5, 0), "JPEG whose height stands behind its pixels");
        assert_eq!(changed(0, 0xC9), "", "arithmetic coding");
        let two = [0xC0, 0, 14, 8, 0, 30, 0, 40, 2, 1, 0x11, 0, 2, 0x11, 0];
        assert_eq!(header(&two, 2).unsupported().unwrap(), "JPEG of 2 components");
    }

    #[test]
    fn a_cut_header_is_an_error() {
        for file in [b"\xFF\xD8\xFF".as_slice(), b"\xFF\xD8\xFF\xC0\0\x11\x08", b"\xFF\xD8\xFF\xD9"]
        {
            assert!(JpegHeader::read(Cursor::new(file)).is_err());
        }
    }
}
