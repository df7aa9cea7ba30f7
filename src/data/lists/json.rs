//! The values of a JSON text: one a line, over several lines each, in one array, or in an array that is the only
//! one of an object.

use std::fmt;

use anyhow::{Context, Result, ensure};
use indexmap::IndexMap;
use serde::de::value::MapDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One value as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    /// The line that it begins in, from 1.
    pub line: usize,
    /// Its text; not necessarily JSON.
    pub text: &'a str,
}

/// What a whole text says.
///
/// # Errors
/// When it is no JSON or says something else; a text that is empty or ends too soon is called that.
pub(crate) fn whole<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    ensure!(!text.trim().is_empty(), "it is empty");
    serde_json::from_str(text).map_err(|error| {
        let cut_off = error.is_eof();
        let error = anyhow::Error::from(error);
        if cut_off { error.context("it is cut off: copy or write it again") } else { error }
    })
}

/// Whether a text is meant to be JSON: objects, or an array of values that are not plain words.
pub(crate) fn looks_like_json(text: &str) -> bool {
    let text = text.trim_start();
    let inside = text.strip_prefix('[').map(str::trim_start);
    text.starts_with('{') || inside.is_some_and(|inside| inside.starts_with(['{', '[', '"', ']']))
}

/// The values of a text. `keys` are those of its objects: a text that is one object with none of them stands for
/// the only array in it.
///
/// # Errors
/// When the text begins as an array and is none.
pub(crate) fn items<'a>(text: &'a str, keys: &[&str]) -> Result<Vec<Item<'a>>> {
    let trimmed = text.trim_start();
    if trimmed.starts_with('[') {
        return match serde_json::from_str::<Vec<&RawValue>>(trimmed) {
            Ok(values) => Ok(placed(text, values)),
            // An array a line.
            Err(error) if error.to_string().starts_with("trailing characters") => Ok(lines(text)),
            Err(error) => {
                // Its own line would count from where the array begins.
                let skipped = newlines(&text[..text.len() - trimmed.len()]);
                let place = format!("line {} column {}", error.line() + skipped, error.column());
                Err(anyhow::anyhow!(cause(&error))
                    .context(place)
                    .context("it begins as a JSON array and is none"))
            }
        };
    }
    let items = objects(text);
    let [item] = items.as_slice() else { return Ok(items) };
    Ok(wrapped(text, item.text, keys).unwrap_or(items))
}

/// One object a line, or each over several.
fn objects(text: &str) -> Vec<Item<'_>> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let goes_on = serde_json::from_str::<&RawValue>(first).is_err_and(|error| error.is_eof());
    if goes_on {
        let values: Result<Vec<&RawValue>, _> =
            serde_json::Deserializer::from_str(text).into_iter().collect();
        if let Ok(values) = values {
            return placed(text, values);
        }
    }
    lines(text)
}

/// The objects of the only array in an object without the known keys.
fn wrapped<'a>(text: &'a str, object: &'a str, keys: &[&str]) -> Option<Vec<Item<'a>>> {
    let members: IndexMap<String, &RawValue> = serde_json::from_str(object).ok()?;
    if keys.iter().any(|key| members.contains_key(*key)) {
        return None;
    }
    let mut arrays = members.values().filter(|value| value.get().starts_with('['));
    let only = arrays.next().filter(|_| arrays.next().is_none())?;
    let values: Vec<&RawValue> = serde_json::from_str(only.get()).ok()?;
    values.iter().all(|value| value.get().starts_with('{')).then(|| placed(text, values))
}

/// The lines that are not blank, each a value; a comma after it is left over from an array.
fn lines(text: &str) -> Vec<Item<'_>> {
    let values = text.lines().map(str::trim).map(|line| line.strip_suffix(',').unwrap_or(line));
    let lines = (1..).zip(values);
    lines.filter(|(_, text)| !text.is_empty()).map(|(line, text)| Item { line, text }).collect()
}

/// Values with the lines of `text` that they begin in; they lie in it, in order.
fn placed<'a>(text: &'a str, values: Vec<&'a RawValue>) -> Vec<Item<'a>> {
    let (mut line, mut counted) = (1, 0);
    let place = |value: &'a RawValue| {
        let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
        line += newlines(&text[counted..start]);
        counted = start;
        Item { line, text: value.get() }
    };
    values.into_iter().map(place).collect()
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// The JSON of one item.
///
/// # Errors
/// When it is none; the error says where in the line, and why where that is plain.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        // A line is a document of its own, so its "line 1" would mislead.
        let message = error.to_string().replace("at line 1 column", "at column");
        let hint = if ["NaN", "Infinity"].iter().any(|word| text.contains(word)) {
            " (NaN and Infinity are not positions)"
        } else if text.contains("'") && !text.contains('"') {
            " (JSON has \"double\" quotes: Python's `json.dumps` writes them, `str` does not)"
        } else {
            ""
        };
        anyhow::anyhow!("{message}{hint}")
    })
}

/// An object whose values are still as they are written: as numbers one by one they would take ten times the memory.
pub(crate) type Object<'a> = IndexMap<String, &'a RawValue>;

/// The object of one item.
///
/// # Errors
/// When it is none, or has a key twice.
pub(crate) fn object(text: &str) -> Result<Object<'_>> {
    parse::<Distinct>(text).map(|distinct| distinct.0)
}

/// An object of which no key hides another.
struct Distinct<'a>(Object<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Distinct<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DistinctKeys).map(Distinct)
    }
}

struct DistinctKeys;

impl<'de> Visitor<'de> for DistinctKeys {
    type Value = Object<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut object = Object::new();
        while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format!("the key `{key}` stands there twice")));
            }
            object.insert(key, value);
        }
        Ok(object)
    }
}

/// What an object of [`object`] says.
///
/// # Errors
/// When the object is not what it should be; the error tells its keys.
pub(crate) fn fill<'a, T: Deserialize<'a>>(object: Object<'a>) -> Result<T> {
    let keys: Vec<String> = object.keys().map(|key| format!("`{key}`")).collect();
    T::deserialize(MapDeserializer::new(object.into_iter()))
        .map_err(|error: serde_json::Error| {
            // The place would be one within a value.
            anyhow::anyhow!(cause(&error))
        })
        .with_context(|| {
            if keys.is_empty() {
                "it has no keys".to_owned()
            } else {
                format!("its keys are {}", keys.join(", "))
            }
        })
}

/// What is wrong, without the place that it is wrong at.
fn cause(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.split(" at line ").next().unwrap_or(&message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<(usize, &str)> {
        let items = items(text, &["a"]).unwrap();
        items.into_iter().map(|item| (item.line, item.text)).collect()
    }

    #[test]
    fn values_stand_one_a_line_or_over_several_or_in_an_array() {
        let expected = |lines: [usize; 2]| vec![(lines[0], "{\"a\": 1}"), (lines[1], "{\"a\": 2}")];
        assert_eq!(places("{\"a\": 1}\n\n{\"a\": 2}\n"), expected([1, 3]));
        assert_eq!(places("{\"a\": 1}\r\n{\"a\": 2}\r\n"), expected([1, 2]));
        assert_eq!(places("{\"a\": 1},\n{\"a\": 2},\n"), expected([1, 2]));
        assert_eq!(places("\n[{\"a\": 1},\n{\"a\": 2}]"), expected([2, 3]));
        assert_eq!(places("[{\"a\": 1}, {\"a\": 2}]"), expected([1, 1]));
        assert_eq!(places("{\"pairs\": [\n{\"a\": 1},\n{\"a\": 2}], \"n\": 2}"), expected([2, 3]));
        let spread = places("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n");
        assert_eq!((spread[0].0, spread[1].0), (1, 4));
        assert_eq!(places("[1, 2]\n[3, 4]"), [(1, "[1, 2]"), (2, "[3, 4]")]);
        assert_eq!(places("{\"a\": [1]}"), [(1, "{\"a\": [1]}")]);
        assert_eq!(places("{\"b\": [[1, 2]]}"), [(1, "{\"b\": [[1, 2]]}")]);
    }

    #[test]
    fn a_bad_line_leaves_the_others_and_a_cut_array_is_an_error() {
        assert_eq!(places("{\"a\": \n{\"a\": 2}").len(), 2);
        assert_eq!(places("{\"a\": 1}\nnonsense\n{\"a\": 2}").len(), 3);
        let error = format!("{:#}", items("\n[{\"a\": 1},\n{\"a\"", &[]).unwrap_err());
        assert_eq!(
            error,
            "it begins as a JSON array and is none: line 3 column 4: EOF while parsing an object"
        );
    }

    #[test]
    fn json_is_told_from_names_in_brackets() {
        assert!(looks_like_json(" [ {\"a\": 1}]") && looks_like_json("[[1, 2]]"));
        assert!(!looks_like_json("[1].jpg,b.jpg") && !looks_like_json("a,b"));
    }

    #[test]
    fn a_key_that_stands_there_twice_is_an_error() {
        let error = object(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap_err().to_string();
        assert!(error.starts_with("the key `a` stands there twice"), "{error}");
        assert_eq!(object(r#"{"a": [1], "b": 2}"#).unwrap().keys().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn errors_say_where_and_why() {
        let error = |text| parse::<serde_json::Value>(text).unwrap_err().to_string();
        assert!(error("{\"a\": NaN}").contains("at column 7 (NaN and Infinity"));
        assert!(error("{'a': 1}").contains("json.dumps"));
    }

    #[test]
    fn a_text_that_is_empty_or_cut_off_is_called_that() {
        let error = |text: &str| format!("{:#}", whole::<Vec<u8>>(text).unwrap_err());
        assert_eq!(whole::<Vec<u8>>(" [1]\n").unwrap(), [1]);
        assert_eq!(error(" \n"), "it is empty");
        assert!(error("[1,").starts_with("it is cut off"), "{}", error("[1,"));
        assert!(error("[1,\n300]").contains("line 2"), "{}", error("[1,\n300]"));
    }
}
