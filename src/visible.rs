//! Text of strangers made harmless: what would steer a terminal, or turn the direction of writing, is shown
//! instead of obeyed.

use std::borrow::Cow;
use std::path::Path;

use crate::path_text::path_text;

/// The text with every control character but line ends and tabs written as its escape (`\u{1b}`). File
/// names, categories and reports of others may hold them.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    replaced(text, steers, |character| character.escape_default().to_string())
}

/// As [`visible`], of a name: line ends and tabs are written as escapes too, so that it breaks no line of a
/// message or a table.
pub(crate) fn one_line(name: &str) -> Cow<'_, str> {
    let breaks = |character| steers(character) || matches!(character, '\n' | '\t');
    replaced(name, breaks, |character| character.escape_default().to_string())
}

/// Files in messages.
pub(crate) trait Shown {
    /// The path as [`one_line`]; bytes that are no letters as JSON has them (see [`path_text`]).
    fn shown(&self) -> String;
}

impl Shown for Path {
    fn shown(&self) -> String {
        one_line(&path_text(self).0).into_owned()
    }
}

/// JSON text with such characters as JSON's own escapes; what it says stays the same.
pub(crate) fn visible_json(json: &str) -> Cow<'_, str> {
    replaced(json, steers, |character| format!("\\u{:04x}", u32::from(character)))
}

fn replaced(
    text: &str,
    is_replaced: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> Cow<'_, str> {
    if !text.contains(&is_replaced) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_replaced(character) {
            shown.push_str(&escape(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Control characters (the eight-bit ones too, which some terminals obey), and those that override the
/// direction of writing.
fn steers(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_shown_and_the_rest_stays() {
        let text = "\u{1b}[31mred\u{9b}2J\u{7}\r\u{202e}gpj.exe\n\tKäfer 虫";
        let shown = visible(text);
        assert_eq!(shown, "\\u{1b}[31mred\\u{9b}2J\\u{7}\\r\\u{202e}gpj.exe\n\tKäfer 虫");
        assert!(matches!(visible("Käfer 虫"), Cow::Borrowed("Käfer 虫")));
    }

    #[test]
    fn a_name_keeps_to_its_line() {
        assert_eq!(Path::new("a\nb\t\u{1b}.png").shown(), "a\\nb\\t\\u{1b}.png");
        let unreadable: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"w\xe9.png");
        assert_eq!(Path::new(unreadable).shown(), "w\\xE9.png");
        assert!(matches!(one_line("Käfer 虫"), Cow::Borrowed("Käfer 虫")));
    }

    #[test]
    fn json_says_the_same_after_as_before() {
        let name = "a\u{9b}31m\u{202e}\u{1b}b\u{7f}";
        let json = serde_json::to_string(name).unwrap();
        let shown = visible_json(&json);
        assert!(!shown.contains(steers), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), name);
    }
}
