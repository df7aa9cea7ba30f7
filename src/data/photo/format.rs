//! Which format a photo has, told from its content and never from its name; and what a file is that is none
//! of them.

use anyhow::{Result, bail, ensure};
use image::ImageFormat;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PhotoFormat {
    Jpeg,
    Tiff,
    Heic,
    /// PNG, WebP or BMP: what the `image` crate alone decodes.
    Plain(ImageFormat),
}

/// Bytes at a file's start that are enough to tell.
pub(super) const START: usize = 1024;

/// The formats that are read, for messages.
const FORMATS: &str = "JPEG, PNG, WebP, BMP, TIFF or HEIC";

/// What to do about a format that is not read.
const CONVERT: &str = "convert it to PNG or JPEG, as with `magick PHOTO photo.png`";

/// Where a mark stands, the mark, and what has it.
type Mark = (usize, &'static [u8], &'static str);

/// Files in which photos may be.
const ARCHIVES: [Mark; 3] = [
    (0, b"PK\x03\x04", "a ZIP archive (or an office document)"),
    (0, b"\x1F\x8B", "a gzip archive"),
    (0, b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
];

/// Files that people take for photos.
const FOREIGN: [Mark; 19] = [
    (0, b"GIF8", "a GIF"),
    (0, b"\xFF\x0A", "a JPEG XL photo"),
    (0, b"\0\0\0\x0CJXL ", "a JPEG XL photo"),
    (0, b"\0\0\0\x0CjP  ", "a JPEG 2000 picture"),
    (0, b"\xFF\x4F\xFF\x51", "a JPEG 2000 picture"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"v/1\x01", "an OpenEXR picture"),
    (0, b"#?RADIANCE", "a Radiance HDR picture"),
    (0, b"\0\0\x01\0", "an icon"),
    (0, b"DDS ", "a DDS texture"),
    (0, b"qoif", "a QOI picture"),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (0, b"IIRO", "a camera's raw file"),
    (0, b"IIU\0", "a camera's raw file"),
    (8, b"CR\x02\0", "a camera's raw file"),
    (0, b"SIMPLE  =", "a FITS file"),
    (128, b"DICM", "a DICOM file"),
];

impl PhotoFormat {
    /// The format of a file that starts so.
    ///
    /// # Errors
    /// When it is none that is read; the error says what it is, as far as can be told, and what to do.
    pub(super) fn of(start: &[u8]) -> Result<Self> {
        ensure!(!start.is_empty(), "the file is empty");
        for (marks, how) in [(&ARCHIVES[..], "unpack it"), (&FOREIGN, CONVERT)] {
            if let Some(what) = marked(start, marks) {
                bail!("this is {what}, and only {FORMATS} is read: {how}");
            }
        }
        match image::guess_format(start) {
            Ok(ImageFormat::Jpeg) => return Ok(Self::Jpeg),
            Ok(ImageFormat::Tiff) => return Ok(Self::Tiff),
            Ok(format @ (ImageFormat::Png | ImageFormat::WebP | ImageFormat::Bmp)) => {
                return Ok(Self::Plain(format));
            }
            _ => {}
        }
        if start.starts_with(b"II\x2B\0") || start.starts_with(b"MM\0\x2B") {
            return Ok(Self::Tiff);
        }
        if start.get(4..8) == Some(b"ftyp") {
            return container(start);
        }
        if start.iter().all(|byte| *byte == 0) {
            bail!("the file begins with zeros alone: copy or download it again");
        }
        if let Some(what) = text(start) {
            bail!(what);
        }
        bail!("the content is not {FORMATS}: {CONVERT}")
    }
}

/// What has one of these marks and starts so.
fn marked(start: &[u8], marks: &[Mark]) -> Option<&'static str> {
    let is = |(at, mark, _): &&Mark| start.get(*at..).is_some_and(|rest| rest.starts_with(mark));
    marks.iter().find(is).map(|(_, _, what)| *what)
}

/// The container of HEIC, AVIF and videos: its brands tell what is inside.
fn container(start: &[u8]) -> Result<PhotoFormat> {
    let length = start[..4].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let brands: Vec<&[u8]> = start[..length.min(start.len())].chunks_exact(4).skip(2).collect();
    let named =
        |names: &[&[u8; 4]]| brands.iter().any(|brand| names.iter().any(|name| brand == name));
    // An image's general brand says nothing of how it is coded.
    if named(&[b"avif", b"avis"]) {
        bail!("this is an AVIF photo, which is not read: {CONVERT} (or `avifdec PHOTO photo.png`)");
    }
    if named(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]) {
        return Ok(PhotoFormat::Heic);
    }
    if named(&[b"crx "]) {
        bail!("this is a camera's raw file, and only {FORMATS} is read: {CONVERT}");
    }
    bail!("this is a video or another MP4 file, not a photo: take a frame of it, as with `ffmpeg`")
}

/// What text that was saved as a photo is.
fn text(start: &[u8]) -> Option<String> {
    // The last character may be cut.
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if start.len() - error.valid_up_to() < 4 => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return page(&String::from_utf8_lossy(start)),
    };
    let binary = |character: char| character.is_control() && !character.is_whitespace();
    if text.contains(binary) {
        return None;
    }
    let begins = text.trim_start_matches('\u{feff}').trim_start();
    Some(page(text).unwrap_or_else(|| match begins.lines().next() {
        Some(line) if line.starts_with("version https://git-lfs") => {
            "this is a Git LFS pointer, not the photo itself: fetch it with `git lfs pull`".to_owned()
        }
        Some(line) if line.starts_with("<svg") || text.contains("<svg") => {
            format!("this is an SVG drawing, not {FORMATS}: {CONVERT}")
        }
        _ => {
            let first: String = begins.chars().take(40).collect();
            format!(
                "the content is text, not {FORMATS}; it begins with {first:?}: download the photo itself"
            )
        }
    }))
}

/// A web page is what servers send instead of a photo that they refuse.
fn page(text: &str) -> Option<String> {
    let start = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    let marks = ["<!doctype html", "<html", "<head", "<body", "<script", "<title", "<meta"];
    let within = start.starts_with("<?xml") || start.starts_with("<!--");
    let is_page = marks.iter().any(|mark| start.starts_with(mark))
        || within && (start.contains("<html") || start.contains("<!doctype html"));
    is_page.then(|| {
        "this is a web page that was saved under a photo's name, not a photo: open the link in a browser \
         and save the picture itself"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(start: &[u8]) -> String {
        PhotoFormat::of(start).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_photo_is_called_what_it_is() {
        for (start, expected) in [
            (b"".as_slice(), "the file is empty"),
            (b"\xEF\xBB\xBF \n<!DOCTYPE html><html>", "a web page"),
            (b"<html lang=\"de\"><title>caf\xE9</title>", "a web page"),
            (b"<?xml version=\"1.0\"?><!DOCTYPE html>", "a web page"),
            (b"<?xml version=\"1.0\"?>\n<svg>", "an SVG drawing"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"{\"error\": \"not found\"}", "begins with \"{\\\"error\\\": \\\"not found\\\"}\""),
            (b"GIF89a", "a GIF"),
            (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf", "an AVIF photo"),
            (b"\0\0\0\x1Cftypmif1\0\0\0\0mif1avifmiaf", "an AVIF photo"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a video"),
            (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "raw"),
            (b"II*\0\x10\0\0\0CR\x02\0", "raw"),
            (b"\xFF\x0A\x01\x02", "JPEG XL"),
            (&[0; 64], "zeros alone"),
            (b"\x01\x02\x03\x04", "not JPEG, PNG, WebP, BMP, TIFF or HEIC"),
        ] {
            let message = refusal(start);
            assert!(message.contains(expected), "{expected}: {message}");
        }
        let steering = refusal(b"\x1b[31mred");
        assert!(!steering.contains('\u{1b}'), "{steering}");
    }

    #[test]
    fn formats_are_known_by_their_marks() {
        let is = |start: &[u8], format| assert_eq!(PhotoFormat::of(start).unwrap(), format);
        is(b"\xFF\xD8\xFF\xE0", PhotoFormat::Jpeg);
        is(b"II*\0\x08\0\0\0", PhotoFormat::Tiff);
        is(b"MM\0\x2B\0\x08\0\0", PhotoFormat::Tiff);
        is(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", PhotoFormat::Heic);
        is(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", PhotoFormat::Heic);
        is(b"\x89PNG\r\n\x1a\n", PhotoFormat::Plain(ImageFormat::Png));
    }
}
