//! Positions as lists spell them: `[[x, y], ...]`.

use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::geometry::Point;

/// Letters that are shown of what is no point.
const SHOWN: usize = 60;

/// The points of a JSON array `[[x, y], ...]`, `thing` being what an error calls one.
///
/// # Errors
/// When it is none; the error tells the first that is no point.
pub(crate) fn points_of(value: &RawValue, thing: &str) -> Result<Vec<Point>> {
    let values: Vec<&RawValue> =
        serde_json::from_str(value.get()).ok().context("expected a list [[x, y], ...]")?;
    points(values, thing)
}

/// The points that values `[x, y]` are.
///
/// # Errors
/// As [`points_of`].
pub(crate) fn points(values: Vec<&RawValue>, thing: &str) -> Result<Vec<Point>> {
    let point = |(index, value): (usize, &RawValue)| {
        let numbers: Option<[f64; 2]> = serde_json::from_str(value.get()).ok();
        let point = numbers.map(|[x, y]| Point::new(x, y)).filter(|point| point.is_finite());
        point.with_context(|| {
            let mut letters = value.get().chars().filter(|letter| !letter.is_whitespace());
            let start: String = letters.by_ref().take(SHOWN).collect();
            let more = if letters.next().is_some() { "..." } else { "" };
            format!("{thing} {index} is {start}{more}, not two numbers [x, y]")
        })
    };
    values.into_iter().enumerate().map(point).collect()
}

/// For a field that holds points: an error tells the first that is none.
///
/// # Errors
/// As [`points_of`].
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<Point>, D::Error> {
    let value = Box::<RawValue>::deserialize(value)?;
    points_of(&value, "point").map_err(|error| de::Error::custom(format!("{error:#}")))
}
