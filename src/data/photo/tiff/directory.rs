//! The entries of a TIFF's first directory, looked at before anything of the size that they claim is made.

use std::io::{Read, Seek, SeekFrom};

use anyhow::{Context, Result, anyhow, ensure};

use crate::data::photo::trouble::DAMAGED;

/// How many values tags have at most; a hundred thousand widths fill memory and mean nothing.
const MOST_VALUES: [(u16, u64); 16] = [
    (256, 1),       // width
    (257, 1),       // height
    (259, 1),       // compression
    (262, 1),       // meaning of samples
    (266, 1),       // order of bits
    (274, 1),       // orientation
    (277, 1),       // samples of a pixel
    (278, 1),       // rows of a strip
    (284, 1),       // planes
    (317, 1),       // predictor
    (322, 1),       // width of a tile
    (323, 1),       // height of a tile
    (347, 1 << 14), // JPEG's tables
    (529, 3),       // YCbCr's coefficients
    (530, 2),       // YCbCr's subsampling
    (532, 6),       // black and white
];

/// Places and lengths of strips and tiles.
const PLACES: [u16; 4] = [273, 279, 324, 325];

/// The smallest numbers that stand for them.
const SHORT: u16 = 3;

/// Samples of a pixel.
const SAMPLES: u16 = 277;

/// Most of them: decoders keep notes on each.
const MOST_SAMPLES: u64 = 1024;

/// Most entries of a directory: what a classic one can count.
const MOST_ENTRIES: u64 = u16::MAX as u64;

/// The first directory.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    big_endian: bool,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Its value, if that is a single number that stands in the entry.
    value: u64,
    /// Where its value stands, or where the values are said to stand.
    value_at: u64,
}

/// Where things stand in a directory: the classic and the big form.
struct Form {
    /// Bytes of the number of entries.
    count: u64,
    /// Bytes of an entry.
    entry: u64,
    /// Bytes of a number of values, and of a place.
    number: usize,
}

impl Directory {
    /// Reads the entries, each of which the file can hold.
    ///
    /// # Errors
    /// When the file is no TIFF or cut off, or an entry claims more than there is or than makes sense.
    pub(super) fn read(file: &mut (impl Read + Seek)) -> Result<Self> {
        Self::entries_of(file).context(DAMAGED)
    }

    fn entries_of(file: &mut (impl Read + Seek)) -> Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        let start = bytes(file, 0, 4)?;
        let big_endian = start.starts_with(b"MM");
        let number = |digits: &[u8]| digits_of(digits, big_endian);
        let is_big = number(&start[2..]) == 43;
        let form = if is_big {
            Form { count: 8, entry: 20, number: 8 }
        } else {
            Form { count: 2, entry: 12, number: 4 }
        };
        let place = number(&bytes(file, if is_big { 8 } else { 4 }, form.number)?);
        let entries = number(&bytes(file, place, form.count as usize)?);
        ensure!(entries <= MOST_ENTRIES, "its directory has {entries} entries");
        let first = place.saturating_add(form.count);
        let directory = bytes(file, first, (entries * form.entry) as usize)?;
        let entry = |(index, fields): (usize, &[u8])| {
            let (kind, at) = (number(&fields[2..4]) as u16, 4 + form.number);
            Entry {
                tag: number(&fields[..2]) as u16,
                kind,
                count: number(&fields[4..at]),
                value: number(&fields[at..][..if kind == SHORT { 2 } else { 4 }]),
                value_at: first + index as u64 * form.entry + at as u64,
            }
        };
        let entries = directory.chunks_exact(form.entry as usize).enumerate().map(entry);
        let directory = Self { big_endian, entries: entries.collect() };
        directory.entries.iter().try_for_each(|entry| entry.check(length))?;
        Ok(directory)
    }

    /// Whether there is such a tag.
    pub(super) fn has(&self, tag: u16) -> bool {
        self.entries.iter().any(|entry| entry.tag == tag)
    }

    /// Where the value of a tag that is a single short number stands in the file.
    pub(super) fn short_at(&self, tag: u16) -> Option<u64> {
        let entry = self.entries.iter().find(|entry| entry.tag == tag)?;
        // A short number that fills a long one stands in its lower half.
        let in_long = entry.kind == 4 && self.big_endian;
        Some(entry.value_at + if in_long { 2 } else { 0 })
    }
}

impl Entry {
    /// Whether a file of that length can hold the values, and whether they make sense.
    fn check(&self, length: u64) -> Result<()> {
        let &Self { tag, kind, count, .. } = self;
        let claimed = count.checked_mul(bytes_of(kind));
        let wrong = |what: &str| Err(anyhow!("its tag {tag} has {count} values, {what}"));
        if claimed.is_none_or(|claimed| claimed > length) {
            return wrong("more than the file can hold");
        }
        if MOST_VALUES.iter().any(|&(limited, most)| limited == tag && count > most) {
            return wrong("more than it may");
        }
        if tag == SAMPLES && self.value > MOST_SAMPLES {
            return Err(anyhow!("its pixels have {} samples", self.value));
        }
        // Single bytes would take many times their size as places.
        if PLACES.contains(&tag) && kind < SHORT {
            return wrong("which are no numbers of places");
        }
        Ok(())
    }
}

/// Bytes of a value of a kind; kinds that nobody knows have some.
fn bytes_of(kind: u16) -> u64 {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    }
}

fn bytes(file: &mut (impl Read + Seek), at: u64, count: usize) -> Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(count as u64).read_to_end(&mut bytes)?;
    ensure!(bytes.len() == count, "it ends within its directory");
    Ok(bytes)
}

fn digits_of(digits: &[u8], big_endian: bool) -> u64 {
    let add = |number: u64, digit: &u8| (number << 8) | u64::from(*digit);
    if big_endian { digits.iter().fold(0, add) } else { digits.iter().rev().fold(0, add) }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A little-endian file of one entry.
    fn file(tag: u16, kind: u16, count: u32) -> Vec<u8> {
        let mut file = b"II*\0\x08\0\0\0\x01\0".to_vec();
        file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        file.extend([count.to_le_bytes(), 7_u32.to_le_bytes()].concat());
        file.extend([0; 100]);
        file
    }

    fn error(file: &[u8]) -> String {
        format!("{:#}", Directory::read(&mut Cursor::new(file)).unwrap_err())
    }

    #[test]
    fn what_no_file_of_that_length_holds_is_refused() {
        let error_of = |tag, kind, count| error(&file(tag, kind, count));
        assert!(
            error_of(256, 3, 851_969).contains("tag 256 has 851969 values, more than the file")
        );
        assert!(error_of(700, 1, 123).contains("more than the file can hold"));
        assert!(error_of(256, 3, 2).contains("more than it may"));
        assert!(error_of(273, 1, 5).contains("no numbers of places"));
        assert!(error_of(256, 4, u32::MAX).starts_with(DAMAGED));
        let mut samples = file(277, 3, 1);
        samples[18..20].copy_from_slice(&57_348_u16.to_le_bytes());
        assert!(error(&samples).contains("its pixels have 57348 samples"));
    }

    #[test]
    fn what_it_holds_is_found() {
        let directory = Directory::read(&mut Cursor::new(file(262, 3, 1))).unwrap();
        assert!(directory.has(262) && !directory.has(50_706));
        assert_eq!((directory.short_at(262), directory.short_at(256)), (Some(18), None));
    }

    #[test]
    fn files_cut_off_are_told() {
        let whole = file(256, 3, 1);
        for length in 0..22 {
            assert!(error(&whole[..length]).contains("ends within its directory"), "{length}");
        }
        let big = b"MM\0\x2b\0\x08\0\0\0\0\0\0\0\0\0\x10\xff\xff\xff\xff\xff\xff\xff\xff";
        assert!(error(big).contains("its directory has 18446744073709551615 entries"));
    }
}
