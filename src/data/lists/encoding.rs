//! From bytes to text: UTF-8, UTF-16 as Windows writes it, and its code pages where only one of them fits.

use anyhow::{Result, bail, ensure};
use encoding_rs::{
    BIG5, EUC_KR, Encoding, GBK, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1250, WINDOWS_1251,
    WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1257, WINDOWS_1258,
};

/// What some files begin with that are no text, and what to do with them.
const NO_TEXT: [(&[u8], &str); 6] = [
    (b"\x1f\x8b", "compressed with gzip: unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard: unpack it"),
    (b"\xfd7zXZ", "compressed with xz: unpack it"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet: unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet of the older kind: save it as CSV"),
    (b"\xff\xfe\0\0", "in UTF-32: save it as UTF-8"),
];

/// The code pages that Windows programs write in.
const CODE_PAGES: [&Encoding; 11] = [
    WINDOWS_1252,
    WINDOWS_1250,
    WINDOWS_1251,
    WINDOWS_1253,
    WINDOWS_1254,
    WINDOWS_1257,
    WINDOWS_1258,
    SHIFT_JIS,
    GBK,
    BIG5,
    EUC_KR,
];

/// The text of a file in UTF-8 or UTF-16, without its byte order mark.
///
/// # Errors
/// When it is neither; the error says what it seems to be, and what to do.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<String> {
    if let Some((_, what)) = NO_TEXT.iter().find(|(start, _)| bytes.starts_with(start)) {
        bail!("it is {what}");
    }
    let text = match utf16(&bytes) {
        Some(encoding) => {
            let (text, damaged) = encoding.decode_without_bom_handling(&bytes);
            ensure!(
                !damaged,
                "it is damaged or cut off (it is in {}, as far as it goes)",
                encoding.name()
            );
            text.into_owned()
        }
        None => String::from_utf8(bytes).map_err(|error| not_utf8(error.as_bytes()))?,
    };
    ensure!(!text.contains('\0'), "it is no text: it holds zero bytes");
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// As [`decode`]; a text that is neither is taken to be in the code page in which it means something, by name,
/// provided that all code pages in which it does agree on what.
///
/// # Errors
/// As [`decode`], and when code pages disagree.
pub(crate) fn decode_meaning<T: PartialEq>(
    bytes: Vec<u8>,
    meaning: impl Fn(&str) -> Option<T>,
) -> Result<(String, Option<&'static str>)> {
    let undecided = match decode(bytes.clone()) {
        Ok(text) => return Ok((text, None)),
        Err(error) => error,
    };
    let meant = |encoding: &&'static Encoding| {
        let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes)?;
        Some((meaning(&text)?, text.into_owned(), encoding.name()))
    };
    // Zero bytes and known beginnings are no code page's.
    let text_like =
        !bytes.contains(&0) && !NO_TEXT.iter().any(|(start, _)| bytes.starts_with(start));
    let mut found = CODE_PAGES.iter().filter(|_| text_like).filter_map(meant);
    let Some((first, text, name)) = found.next() else { return Err(undecided) };
    match found.find(|(other, ..)| *other != first) {
        None => Ok((text, Some(name))),
        Some((_, _, other)) => bail!(
            "{undecided} (it could mean one thing in {name} and another in {other}, so neither is taken)"
        ),
    }
}

/// Whether what begins so is no text of one-byte characters, and none of two-byte ones.
pub(super) fn holds_no_text(start: &[u8]) -> bool {
    start.contains(&0)
        && utf16(start).is_none()
        && !NO_TEXT.iter().any(|(kind, _)| start.starts_with(kind))
}

/// The order of a UTF-16 text's bytes: by its mark, or by the zero byte beside an ASCII letter at its start.
fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        [1..=0x7f, 0, 1..=0x7f, 0, ..] => Some(UTF_16LE),
        [0, 1..=0x7f, 0, 1..=0x7f, ..] => Some(UTF_16BE),
        _ => None,
    }
}

/// Where a text stops being UTF-8, and what it may be instead.
fn not_utf8(bytes: &[u8]) -> anyhow::Error {
    let sound = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let before = String::from_utf8_lossy(&bytes[..sound]);
    let line = 1 + before.matches('\n').count();
    let start: String = before.rsplit('\n').next().unwrap_or_default().chars().take(60).collect();
    let byte = bytes.get(sound).copied().unwrap_or_default();
    anyhow::anyhow!(
        "line {line} is not UTF-8 (byte 0x{byte:02X} after `{start}`); it may be in a Windows code page: save \
         it as UTF-8, or convert it with `iconv -f WINDOWS-1252 -t UTF-8`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, mark: bool, big: bool) -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn utf_8_and_utf_16_read_alike_with_and_without_a_mark() {
        let text = "source,target\r\ncafé.jpg,b.jpg\r\n";
        let marked = format!("\u{feff}{text}").into_bytes();
        let mut forms = vec![text.as_bytes().to_vec(), marked];
        for mark in [true, false] {
            forms.extend([false, true].map(|big| utf16(text, mark, big)));
        }
        for form in forms {
            assert_eq!(decode(form.clone()).unwrap(), text, "{form:?}");
        }
        assert_eq!(decode(Vec::new()).unwrap(), "");
    }

    #[test]
    fn what_is_no_text_is_called_what_it_is() {
        let error = |bytes: &[u8]| decode(bytes.to_vec()).unwrap_err().to_string();
        assert!(error(b"\x1f\x8b\x08\0").contains("gzip: unpack it"));
        assert!(error(b"PK\x03\x04...").contains("save it as CSV"));
        assert!(error(b"a\0b").contains("zero bytes"));
        assert!(error(&utf16("ab", true, false)[..5]).contains("cut off (it is in UTF-16LE"));
        let message = error(b"a,b\ncaf\xe9.jpg,b");
        assert!(message.contains("line 2 is not UTF-8 (byte 0xE9 after `caf`)"), "{message}");
        assert!(message.contains("iconv -f"), "{message}");
    }

    #[test]
    fn a_code_page_is_taken_where_it_alone_fits() {
        let bytes = b"caf\xe9.jpg".to_vec();
        let known = |name: &'static str| move |text: &str| (text == name).then(|| text.to_owned());
        let (text, page) = decode_meaning(bytes.clone(), known("café.jpg")).unwrap();
        assert_eq!((text.as_str(), page), ("café.jpg", Some("windows-1252")));
        let (text, page) = decode_meaning(bytes.clone(), known("cafй.jpg")).unwrap();
        assert_eq!((text.as_str(), page), ("cafй.jpg", Some("windows-1251")));
        let error = decode_meaning(bytes.clone(), known("tea.jpg")).unwrap_err().to_string();
        assert!(error.contains("line 1 is not UTF-8"), "{error}");
        let error = decode_meaning(bytes.clone(), |text| Some(text.to_owned())).unwrap_err();
        assert!(error.to_string().contains("another in windows-1251"), "{error}");
        // Where only other words differ, all mean the same.
        assert_eq!(decode_meaning(bytes, |_| Some(())).unwrap().1, Some("windows-1252"));
    }
}
