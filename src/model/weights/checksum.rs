//! The checksum of a safetensors file of ours: CRC-32 over the whole file, the checksum's own digits
//! counted as zeros. It stands in the metadata and tells damage, in values and in the configuration alike.

use anyhow::{Context, Result, ensure};

/// The key in the metadata.
pub(super) const KEY: &str = "lpmflow.checksum";

/// The value before the checksum is known.
pub(super) const BLANK: &str = "crc32:00000000";

/// The digits in [`BLANK`].
const DIGITS: &[u8] = b"00000000";

/// A checksum that grows with the file.
#[derive(Clone, Debug)]
pub(super) struct Checksum {
    hasher: crc32fast::Hasher,
    /// Where the digits stand in the file.
    place: usize,
}

impl Checksum {
    /// Starts with the file's beginning, which holds the whole header, its digits blank. `None` when the
    /// header has no place for a checksum.
    pub(super) fn start(beginning: &[u8]) -> Option<Self> {
        let place = place(beginning)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(beginning);
        Some(Self { hasher, place })
    }

    /// Goes on with the next bytes of the file.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// The digits, and where in the file they belong.
    pub(super) fn finish(self) -> (usize, [u8; DIGITS.len()]) {
        (self.place, digits(self.hasher))
    }
}

/// Compares a file's content with its checksum. Files without one, from other tools, pass.
///
/// # Errors
/// When they differ.
pub(super) fn check(file: &[u8], header_end: usize) -> Result<()> {
    let Some(place) = place(&file[..header_end]) else { return Ok(()) };
    let (before, rest) = file.split_at(place);
    let (stored, after) =
        rest.split_at_checked(DIGITS.len()).context("the checksum's digits are cut off")?;
    let mut hasher = crc32fast::Hasher::new();
    for bytes in [before, DIGITS, after] {
        hasher.update(bytes);
    }
    ensure!(
        digits(hasher) == stored,
        "its content is not what was written (the checksum differs): the file is damaged, get it again"
    );
    Ok(())
}

/// Where the digits stand. Quotes inside JSON strings are escaped, so only the key itself can match.
fn place(header: &[u8]) -> Option<usize> {
    let scheme = &BLANK[..BLANK.len() - DIGITS.len()];
    let mark = format!("\"{KEY}\":\"{scheme}");
    let start = header.windows(mark.len()).position(|window| window == mark.as_bytes())?;
    Some(start + mark.len())
}

fn digits(hasher: crc32fast::Hasher) -> [u8; DIGITS.len()] {
    let mut digits = [0; DIGITS.len()];
    let mut value = hasher.finalize();
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value % 16) as usize];
        value /= 16;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let header = format!("header {{\"{KEY}\":\"{BLANK}\"}}");
        let mut checksum = Checksum::start(header.as_bytes()).unwrap();
        checksum.update(b"some ");
        checksum.update(b"values");
        let (place, digits) = checksum.finish();
        let mut file = [header.as_bytes(), b"some values"].concat();
        file[place..place + digits.len()].copy_from_slice(&digits);
        file
    }

    #[test]
    fn every_changed_byte_but_of_the_key_is_noticed() {
        let file = file();
        let header_end = file.len() - "some values".len();
        check(&file, header_end).unwrap();
        // From the key's opening quote on: a file whose key is damaged has no checksum, and its JSON
        // header no longer parses.
        let start = header_end - "\"}".len() - BLANK.len() - "\"\":\"".len() - KEY.len();
        let key = start..header_end - "\"}".len() - DIGITS.len();
        for position in (0..file.len()).filter(|position| !key.contains(position)) {
            let mut changed = file.clone();
            changed[position] ^= 1;
            assert!(check(&changed, header_end).is_err(), "byte {position}");
        }
    }

    #[test]
    fn files_without_a_checksum_pass() {
        assert!(Checksum::start(b"{\"format\":\"pt\"}").is_none());
        check(b"{\"format\":\"pt\"}values", 15).unwrap();
    }
}
