//! TIFF files of every kind, written tag by tag.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

/// A file under way: its tags, of 16 or 32 bits, and its pixels.
#[derive(Clone)]
struct File {
    tags: Vec<(u16, Vec<u32>)>,
    pixels: Vec<u8>,
    big: bool,
}

/// A file of 2x2 pixels that have `meaning`, `samples` samples of `bits` bits in `format`.
fn file(meaning: u32, samples: usize, bits: u32, format: u32, pixels: &[u8]) -> File {
    let tags = vec![
        (256, vec![2]),
        (257, vec![2]),
        (258, vec![bits; samples]),
        (259, vec![1]),
        (262, vec![meaning]),
        (277, vec![samples as u32]),
        (339, vec![format; samples]),
    ];
    File { tags, pixels: pixels.to_vec(), big: false }
}

/// Tags whose values are a numerator and a denominator each.
const FRACTIONS: [u16; 2] = [529, 532];

impl File {
    fn with(mut self, tag: u16, values: &[u32]) -> Self {
        self.tags.retain(|(other, _)| *other != tag);
        self.tags.push((tag, values.to_vec()));
        self
    }

    /// The bytes of the file, little end first: header, pixels, values, tags.
    fn bytes(&self) -> Vec<u8> {
        let start = if self.big { 16 } else { 8 };
        let mut tags = self.tags.clone();
        tags.push((273, vec![start]));
        tags.push((279, vec![self.pixels.len() as u32]));
        tags.sort();
        let mut body = self.pixels.clone();
        let mut entries = Vec::new();
        for (tag, values) in &tags {
            let long = [256, 257, 273, 279].contains(tag) || FRACTIONS.contains(tag);
            let digits = |value: &u32| value.to_le_bytes()[..if long { 4 } else { 2 }].to_vec();
            let mut value: Vec<u8> = values.iter().flat_map(digits).collect();
            let room = if self.big { 8 } else { 4 };
            if value.len() > room {
                body.resize(body.len().next_multiple_of(8), 0);
                let at = u64::from(start) + body.len() as u64;
                body.extend(&value);
                value = at.to_le_bytes().to_vec();
            }
            value.resize(8, 0);
            entries.extend(tag.to_le_bytes());
            let kind: u16 = if FRACTIONS.contains(tag) { 5 } else { 3 + u16::from(long) };
            let count = if kind == 5 { values.len() / 2 } else { values.len() };
            entries.extend(kind.to_le_bytes());
            entries.extend(&(count as u64).to_le_bytes()[..room]);
            entries.extend(&value[..room]);
        }
        body.resize(body.len().next_multiple_of(8), 0);
        let at = u64::from(start) + body.len() as u64;
        let count = tags.len() as u64;
        let mut file = Vec::new();
        if self.big {
            file.extend(b"II\x2B\0\x08\0\0\0");
            file.extend(at.to_le_bytes());
        } else {
            file.extend(b"II*\0");
            file.extend((at as u32).to_le_bytes());
        }
        file.extend(body);
        file.extend(&count.to_le_bytes()[..if self.big { 8 } else { 2 }]);
        file.extend(entries);
        file.extend([0; 8]);
        file
    }

    fn shown(&self) -> Vec<u8> {
        let stored = decode(&self.bytes()).unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(described(Cursor::new(self.bytes())).unwrap().0, Size::new(2, 2));
        stored.image.into_rgb8().into_raw()
    }

    fn refusal(&self) -> String {
        format!("{:#}", decode(&self.bytes()).unwrap_err())
    }
}

fn grey(levels: [u8; 4]) -> Vec<u8> {
    levels.into_iter().flat_map(|level| [level; 3]).collect()
}

fn near(found: &[u8], expected: [u8; 3]) {
    let close = found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= 2);
    assert!(close, "{found:?} is not {expected:?}");
}

const UNSIGNED: u32 = 1;
const SIGNED: u32 = 2;
const FLOAT: u32 = 3;

#[test]
fn grey_of_every_depth() {
    let file = |bits, format, pixels: &[u8]| file(1, 1, bits, format, pixels).shown();
    assert_eq!(file(8, UNSIGNED, &[0, 1, 128, 255]), grey([0, 1, 128, 255]));
    assert_eq!(file(4, UNSIGNED, &[0x0F, 0x80]), grey([0, 255, 136, 0]));
    assert_eq!(file(2, UNSIGNED, &[0b0001_0000, 0b1011_0000]), grey([0, 85, 170, 255]));
    assert_eq!(file(1, UNSIGNED, &[0b0100_0000, 0b1000_0000]), grey([0, 255, 255, 0]));
    assert_eq!(file(8, SIGNED, &[0x80, 0, 64, 127]), grey([0, 0, 129, 255]));
    let words =
        |words: [i16; 4]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    assert_eq!(file(16, SIGNED, &words([-5, 0, 16_384, 32_767])), grey([0, 0, 128, 255]));
}

#[test]
fn floats_and_wide_integers_have_a_stated_white() {
    let floats = |values: [f32; 4]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let float = |values| file(1, 1, 32, FLOAT, &floats(values)).shown();
    assert_eq!(float([-1.0, 0.0, 0.5, 1.0]), grey([0, 0, 128, 255]));
    assert_eq!(float([0.0, 100.0, f32::NAN, 200.0]), grey([0, 128, 0, 255]));
    assert_eq!(float([0.0, 0.75, 1.5, f32::INFINITY]), grey([0, 128, 255, 255]));
    let colours: Vec<f32> = (0..12).map(|index| index as f32 * 100.0).collect();
    let colours: Vec<u8> = colours.iter().flat_map(|value| value.to_le_bytes()).collect();
    let shown = file(2, 3, 32, FLOAT, &colours).shown();
    assert_eq!(&shown[..4], &[0, 23, 46, 70], "not white");
    let longs = |values: [u32; 4]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let wide = |format, values| file(1, 1, 32, format, &longs(values)).shown();
    assert_eq!(wide(UNSIGNED, [0, 1000, 2000, 4000]), grey([0, 64, 128, 255]));
    assert_eq!(wide(SIGNED, [u32::MAX, 0, 1, 2]), grey([0, 0, 128, 255]));
    let doubles: Vec<u8> = [0.0, 0.25, 0.5, 1.0_f64].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(file(1, 1, 64, FLOAT, &doubles).shown(), grey([0, 64, 128, 255]));
}

#[test]
fn palettes_alpha_and_white_at_zero() {
    let colours: Vec<u32> = [[0, 65_535], [32_896, 0], [65_535, 0]].concat();
    let palette = file(3, 1, 1, UNSIGNED, &[0b0100_0000, 0b1000_0000]).with(320, &colours);
    let (first, second) = ([0, 128, 255], [255, 0, 0]);
    assert_eq!(palette.shown(), [first, second, second, first].concat());
    let bytes: Vec<u32> = (0..768).map(|index| index % 256).collect();
    let palette = file(3, 1, 8, UNSIGNED, &[0, 7, 200, 255]).with(320, &bytes);
    assert_eq!(palette.shown(), grey([0, 7, 200, 255]), "a palette of 8 bits");
    assert!(palette.with(320, &[1, 2, 3]).refusal().contains("unsupported: TIFF whose palette"));

    assert_eq!(file(0, 1, 4, UNSIGNED, &[0x0F, 0x80]).shown(), grey([255, 0, 119, 255]));
    let transparent = file(1, 2, 8, UNSIGNED, &[200, 255, 200, 0, 100, 128, 9, 9]).with(338, &[2]);
    let stored = decode(&transparent.bytes()).unwrap();
    assert!(stored.image.color().has_alpha());
    let pixels = stored.image.into_rgba8().into_raw();
    assert_eq!(&pixels[..12], &[200, 200, 200, 255, 200, 200, 200, 0, 100, 100, 100, 128]);
    let associated = transparent.with(338, &[1]);
    let pixels = decode(&associated.bytes()).unwrap().image.into_rgba8().into_raw();
    assert_eq!(&pixels[8..12], &[199, 199, 199, 128], "divided by its alpha");
}

#[test]
fn colours_of_other_systems() {
    let four = |pixel: &[u8]| pixel.repeat(4);
    // Pure red in each of them.
    let ycbcr = file(6, 3, 8, UNSIGNED, &four(&[76, 85, 255])).with(530, &[1, 1]);
    near(&ycbcr.shown()[..3], [255, 0, 0]);
    let stated = ycbcr.clone().with(529, &[299, 1000, 587, 1000, 114, 1000]);
    near(&stated.shown()[..3], [255, 0, 0]);
    // Studio range.
    let range = [15, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1];
    let studio =
        file(6, 3, 8, UNSIGNED, &four(&[81, 90, 240])).with(530, &[1, 1]).with(532, &range);
    near(&studio.shown()[..3], [255, 0, 0]);
    let incomplete = stated.with(529, &[299, 1000, 587, 0, 114, 1000]).refusal();
    assert!(incomplete.contains("unsupported: TIFF whose YCbCr rule"), "{incomplete}");
    let lab = file(8, 3, 8, UNSIGNED, &four(&[139, 81, 70]));
    near(&lab.shown()[..3], [255, 0, 0]);
    let icc = file(9, 3, 8, UNSIGNED, &four(&[139, 209, 198]));
    near(&icc.shown()[..3], [255, 0, 0]);
    let white = file(8, 3, 8, UNSIGNED, &four(&[255, 0, 0]));
    near(&white.shown()[..3], [255, 255, 255]);
    let cmyk = file(5, 4, 8, UNSIGNED, &four(&[0, 255, 255, 0]));
    near(&cmyk.shown()[..3], [255, 0, 0]);
    let planes = file(5, 4, 8, UNSIGNED, &[[0; 4], [255; 4], [255; 4], [0; 4]].concat())
        .with(284, &[2])
        .with(278, &[2]);
    // A strip for each plane.
    let refusal = planes.refusal();
    assert!(refusal.contains("damaged") || refusal.contains("unsupported"), "{refusal}");
}

#[test]
fn big_files_and_zstandard_and_deflate() {
    let plain = file(1, 1, 32, FLOAT, &[0, 0, 0, 0].repeat(4));
    assert_eq!(File { big: true, ..plain }.shown(), grey([0; 4]));
    let mut palette = file(3, 1, 8, UNSIGNED, &[0, 7, 200, 255]);
    palette = palette.with(320, &(0..768).map(|index| index % 256).collect::<Vec<_>>());
    palette.big = true;
    assert_eq!(palette.shown(), grey([0, 7, 200, 255]));
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&[9, 8, 7, 6]).unwrap();
    let deflated = file(1, 1, 8, UNSIGNED, &packed.finish().unwrap()).with(259, &[8]);
    assert_eq!(deflated.shown(), grey([9, 8, 7, 6]));
    // A Zstandard frame of four bytes as they are.
    let frame = [0x28, 0xB5, 0x2F, 0xFD, 0x20, 4, 0x21, 0, 0, 9, 8, 7, 6];
    let zstandard = file(1, 1, 8, UNSIGNED, &frame).with(259, &[50_000]);
    assert_eq!(zstandard.shown(), grey([9, 8, 7, 6]));
}

#[test]
fn what_is_not_read_is_called_unsupported_and_what_is_cut_damaged() {
    let whole = file(1, 1, 8, UNSIGNED, &[1, 2, 3, 4]);
    for (file, expected) in [
        (whole.clone().with(259, &[34_925]), "unsupported: TIFF compressed with LZMA"),
        (whole.clone().with(259, &[3]), "unsupported: TIFF compressed with facsimile group 3"),
        (whole.clone().with(259, &[9]), "unsupported: TIFF: "),
        (whole.clone().with(262, &[32_803]), "unsupported: TIFF: "),
        (whole.clone().with(262, &[4]), "unsupported: TIFF that is a mask"),
        (whole.clone().with(50_706, &[1]), "camera's raw data"),
        (file(6, 3, 8, UNSIGNED, &[0; 12]), "unsupported: TIFF in YCbCr with fewer colours"),
        (file(8, 3, 32, FLOAT, &[0; 48]), "unsupported: TIFF in Lab"),
    ] {
        let refusal = file.refusal();
        assert!(refusal.contains(expected) && refusal.contains("convert it"), "{refusal}");
        assert!(!refusal.contains("damaged"), "{refusal}");
    }
    let bytes = whole.bytes();
    for length in [9, 20, bytes.len() / 2] {
        let refusal = format!("{:#}", decode(&bytes[..length]).unwrap_err());
        assert!(refusal.contains("damaged or cut off"), "{refusal}");
    }
    let huge = whole.with(256, &[16_000]).with(257, &[16_000]).with(258, &[64]);
    assert!(huge.refusal().contains("--photo-memory"), "{}", huge.refusal());
}

#[test]
fn no_changed_byte_crashes_the_decoder() {
    let colours: Vec<u32> = (0..768).map(|index| index % 256).collect();
    for whole in [
        file(3, 1, 8, UNSIGNED, &[0, 7, 200, 255]).with(320, &colours),
        file(1, 2, 32, FLOAT, &[7; 32]).with(338, &[1]),
    ] {
        let mut bytes = whole.bytes();
        for position in 0..bytes.len() {
            for changed in [0x00, 0xFF, bytes[position] ^ 0x10] {
                let before = std::mem::replace(&mut bytes[position], changed);
                if described(Cursor::new(&bytes)).is_ok_and(|(size, _)| size.area() < 10_000) {
                    let _ = decode(&bytes);
                }
                bytes[position] = before;
            }
        }
    }
}

#[test]
fn a_jpeg_that_claims_more_than_its_part_is_refused() {
    let sound = include_bytes!("../../../../tests/inside/fuzz/seeds/photo/jpeg.tif");
    let size = decode(sound).unwrap().size;
    assert_eq!(size, Size::square(16));
    let frame = sound.windows(2).position(|marker| marker == b"\xff\xc0").unwrap();
    let mut bomb = sound.to_vec();
    // Height and width of the JPEG; the TIFF still says 16.
    bomb[frame + 5..frame + 9].copy_from_slice(b"\x3f\xff\x3f\xff");
    let error = format!("{:#}", decode(&bomb).unwrap_err());
    assert!(error.contains("a part of 16x16 pixels holds a JPEG of 16383x16383"), "{error}");
}
