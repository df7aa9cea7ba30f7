//! Keys of lists as people spell them.

use indexmap::IndexMap;

use crate::spelling::is_misspelt;

/// A key that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// How it is spelled.
    pub name: &'static str,
    /// What other programs call the same.
    pub also: &'static [&'static str],
}

impl Key {
    /// Whether a word is this key, another program's name of it, or it misspelt.
    pub(crate) fn is_meant_by(&self, word: &str) -> bool {
        let word = plain(word);
        let called = |name: &str| word == plain(name);
        called(self.name)
            || self.also.iter().any(|name| called(name))
            || is_misspelt(&word, &plain(self.name))
    }
}

/// Without what spellings of one name differ in.
fn plain(word: &str) -> String {
    word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What was read as something else, and how often.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    counts: IndexMap<(String, &'static str), usize>,
}

impl Readings {
    /// Gives the keys of an object the names that they are known by: a key that is absent is taken from the only
    /// other one that may mean it.
    pub(crate) fn mend<V>(&mut self, object: &mut IndexMap<String, V>, known: &[Key]) {
        for key in known {
            if object.contains_key(key.name) {
                continue;
            }
            let is_known = |word: &str| known.iter().any(|key| key.name == word);
            let meant = |word: &&String| !is_known(word) && key.is_meant_by(word);
            let mut words = object.keys().filter(meant);
            let Some(word) = words.next().filter(|_| words.next().is_none()).cloned() else {
                continue;
            };
            if let Some(value) = object.shift_remove(&word) {
                object.insert(key.name.to_owned(), value);
                self.count(word, key.name);
            }
        }
    }

    /// Counts a word that was read as a key.
    pub(crate) fn count(&mut self, word: String, key: &'static str) {
        *self.counts.entry((word, key)).or_default() += 1;
    }

    /// What was read as what, a sentence each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let note = |((word, key), count): (&(String, &str), &usize)| {
            let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
            format!("`{word}` is read as `{key}` ({times})")
        };
        self.counts.iter().map(note).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [Key; 3] = [
        Key { name: "source", also: &["src"] },
        Key { name: "keypoints", also: &["kps"] },
        Key { name: "name", also: &[] },
    ];

    fn mended(text: &str) -> (Vec<String>, Vec<String>) {
        let mut object: IndexMap<String, u32> = serde_json::from_str(text).unwrap();
        let mut readings = Readings::default();
        readings.mend(&mut object, &KEYS);
        (object.keys().cloned().collect(), readings.notes())
    }

    #[test]
    fn a_key_that_is_misspelt_or_called_otherwise_is_read() {
        for word in ["keypoint", "Keypoints", "key_points", "keypiont", "kps"] {
            let (keys, notes) = mended(&format!("{{\"source\": 1, \"{word}\": 2}}"));
            assert_eq!(keys, ["source", "keypoints"], "{word}");
            assert_eq!(notes, [format!("`{word}` is read as `keypoints` (once)")]);
        }
    }

    #[test]
    fn other_keys_and_what_is_ambiguous_stay() {
        for text in [
            r#"{"source": 1, "keypoints": 2, "keypoint": 3}"#,
            r#"{"source": 1, "keypoint": 3, "kps": 4}"#,
            r#"{"source": 1, "category": 3, "game": 4, "points": 5, "note": 6}"#,
        ] {
            assert_eq!(mended(text).1, [""; 0], "{text}");
        }
    }
}
