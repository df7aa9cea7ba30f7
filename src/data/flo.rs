//! Middlebury `.flo` as it is read: the tag `PIEH`, width, height, then x and y of every pixel, row by row, all in
//! 32 little-endian bits.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::flow::Flow;
use crate::geometry::Size;
use crate::visible::Shown;

/// The bytes of 202021.25, which tell that the byte order is right.
pub(crate) const TAG: [u8; 4] = *b"PIEH";

/// A side beyond which no photo is read: a file that says so is none.
const LONGEST_SIDE: u32 = 1 << 16;

/// The flow of a file, unknown values as they stand there.
///
/// # Errors
/// When it cannot be read, is no such file, or holds fewer or more values than it says.
pub(crate) fn read(path: &Path) -> Result<Flow> {
    let attempt = || parse(File::open(path)?);
    attempt().with_context(|| format!("reading the flow `{}`", path.shown()))
}

fn parse(mut stream: impl Read) -> Result<Flow> {
    let mut word = || -> Result<[u8; 4]> {
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).context("it is too short to be a .flo file")?;
        Ok(bytes)
    };
    ensure!(word()? == TAG, "it is no .flo file: it does not begin with `PIEH`");
    let [width, height] = [u32::from_le_bytes(word()?), u32::from_le_bytes(word()?)];
    let is_side = |side: u32| (1..=LONGEST_SIDE).contains(&side);
    ensure!(is_side(width) && is_side(height), "{width}x{height} is no size of a photo");
    let size = Size::new(height as usize, width as usize);
    let wanted = 8 * size.area();
    let mut values = Vec::new();
    // One byte more shows whether there is more.
    stream.take(wanted as u64 + 1).read_to_end(&mut values)?;
    ensure!(
        values.len() == wanted,
        "it has {} values than the {width}x{height} pixels that it says",
        if values.len() < wanted { "fewer" } else { "more" }
    );
    let value = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let (dx, dy) = values.chunks_exact(8).map(|both| (value(both), value(&both[4..]))).unzip();
    Ok(Flow { size, dx, dy })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `cv2.writeOpticalFlow` makes of [[[1.5, 0.25], [-2.0, 1000.0]]].
    const OPENCV: &[u8] = b"PIEH\x02\0\0\0\x01\0\0\0\0\0\xc0?\0\0\x80>\0\0\0\xc0\0\0zD";

    #[test]
    fn opencvs_files_are_read() {
        let wanted = Flow::from_channels(Size::new(1, 2), &[1.5, -2.0, 0.25, 1e3]);
        assert_eq!(parse(OPENCV).unwrap(), wanted);
    }

    #[test]
    fn what_is_no_flow_says_why() {
        let error = |bytes: &[u8]| format!("{:#}", parse(bytes).unwrap_err());
        assert!(error(b"PIEH\x02\0").contains("too short"));
        assert!(error(b"\x89PNG\r\n\x1a\n....").contains("does not begin with `PIEH`"));
        assert!(error(&OPENCV[..27]).contains("fewer values than the 2x1 pixels"));
        assert!(error(&[OPENCV, b"\0"].concat()).contains("more values than the 2x1"));
        let huge = [&OPENCV[..4], &[0xff; 8], &OPENCV[12..]].concat();
        assert!(error(&huge).contains("4294967295x4294967295 is no size"));
    }
}
