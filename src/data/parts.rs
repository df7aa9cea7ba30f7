//! What keypoints are: names of parts, and which of them are each other's mirror twins.

use std::sync::Arc;

/// What a keypoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The part's name, or its number within the category where the dataset names none.
    pub name: Arc<str>,
    /// The name of the same part of the other side, where names or the catalog tell it.
    pub twin: Option<Arc<str>>,
}

impl Part {
    /// A part of this name; its twin, if the name says a side.
    pub(crate) fn new(name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        let twin = other_side(&name).map(Arc::from);
        Self { name, twin }
    }

    /// Parts of these numbers.
    pub(crate) fn numbered(numbers: impl IntoIterator<Item = usize>) -> Vec<Self> {
        numbers.into_iter().map(|number| Self::new(number.to_string())).collect()
    }
}

/// The name of the same part of the other side; none where a name says no side.
fn other_side(name: &str) -> Option<String> {
    const SIDES: [[&str; 2]; 5] =
        [["left", "right"], ["Left", "Right"], ["LEFT", "RIGHT"], ["L", "R"], ["l", "r"]];
    let other = |word: &str| {
        let pair = SIDES.iter().find(|pair| pair.contains(&word))?;
        Some(if pair[0] == word { pair[1] } else { pair[0] })
    };
    let mut result = String::new();
    let mut found = false;
    for word in words(name) {
        let exchanged = other(word);
        found |= exchanged.is_some();
        result.push_str(exchanged.unwrap_or(word));
    }
    found.then_some(result)
}

/// A name's words and what stands between them, in their order: a capital after a small letter begins a word.
fn words(name: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, character) in name.char_indices() {
        let ends = before.is_some_and(|before| {
            before.is_alphabetic() != character.is_alphabetic()
                || before.is_lowercase() && character.is_uppercase()
        });
        if ends {
            words.push(&name[start..at]);
            start = at;
        }
        before = Some(character);
    }
    words.push(&name[start..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_other_side() {
        for (name, other) in [
            ("left_eye", "right_eye"),
            ("Right ear tip", "Left ear tip"),
            ("LeftKnee", "RightKnee"),
            ("kneeL", "kneeR"),
            ("L_F_Paw", "R_F_Paw"),
        ] {
            assert_eq!(other_side(name).as_deref(), Some(other));
            assert_eq!(other_side(other).as_deref(), Some(name));
        }
        for name in ["nose", "copyright", "leftover", "7", "tail root", "upper lip", ""] {
            assert_eq!(other_side(name), None, "{name}");
        }
    }
}
