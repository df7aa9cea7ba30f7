//! Positions as lists spell them: `[[x, y], ...]`, or `x y` a line.

use anyhow::{Context, Result};
use serde_json::value::RawValue;

use crate::geometry::Point;
use crate::visible::visible;

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
    values.into_iter().enumerate().map(|(index, value)| point(index, value, thing)).collect()
}

fn point(index: usize, value: &RawValue, thing: &str) -> Result<Point> {
    let numbers: Option<[f64; 2]> = serde_json::from_str(value.get()).ok();
    let point = numbers.map(|[x, y]| Point::new(x, y)).filter(|point| point.is_finite());
    point.with_context(|| {
        let mut letters = value.get().chars().filter(|letter| !letter.is_whitespace());
        let start: String = letters.by_ref().take(SHOWN).collect();
        let more = if letters.next().is_some() { "..." } else { "" };
        format!("{thing} {index} is {start}{more}, not two numbers [x, y]")
    })
}

/// Whether a text that is no JSON may be [`plain_points`].
pub(crate) fn begins_with_a_number(text: &str) -> bool {
    text.trim_start().starts_with(|letter: char| letter.is_ascii_digit() || "+-.".contains(letter))
}

/// The points of a text that has two plain numbers in each line that is not blank.
///
/// # Errors
/// When a line has something else; the error tells the first.
pub(crate) fn plain_points(text: &str) -> Result<Vec<Point>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let point = |(index, line): (usize, &str)| {
        point_of_text(line).with_context(|| {
            let start: String = line.trim().chars().take(SHOWN).collect();
            format!("line {} is `{}`, not two numbers", index + 1, visible(&start))
        })
    };
    lines.map(point).collect()
}

/// The point that a text of two numbers is: `60 30`, `60,30` or `60; 30`.
pub(crate) fn point_of_text(text: &str) -> Option<Point> {
    let words = text.split(|letter: char| letter.is_whitespace() || ",;".contains(letter));
    let words = words.filter(|word| !word.is_empty()).map(str::parse);
    let [x, y] = words.collect::<Result<Vec<f64>, _>>().ok()?[..] else { return None };
    Some(Point::new(x, y)).filter(|point| point.is_finite())
}

/// For a field that holds answers: points, of which `null` is one that was not found ([`Point::NOWHERE`]); `None`
/// where none was.
pub(crate) mod answers {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
    use serde_json::value::RawValue;

    use crate::data::lists::points::point;
    use crate::geometry::Point;

    /// Reads them.
    ///
    /// # Errors
    /// As [`points_of`](super::points_of).
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        value: D,
    ) -> Result<Option<Vec<Point>>, D::Error> {
        let value = Box::<RawValue>::deserialize(value)?;
        let answers: Option<Vec<&RawValue>> = serde_json::from_str(value.get())
            .map_err(|_| de::Error::custom("expected a list [[x, y], ...]"))?;
        let answer = |(index, value): (usize, &RawValue)| match value.get() {
            "null" => Ok(Point::NOWHERE),
            _ => point(index, value, "point"),
        };
        let points = answers.map(|answers| answers.into_iter().enumerate().map(answer).collect());
        points.transpose().map_err(|error: anyhow::Error| de::Error::custom(format!("{error:#}")))
    }

    /// Writes them.
    ///
    /// # Errors
    /// When the serializer has one.
    pub(crate) fn serialize<S: Serializer>(
        points: &Option<Vec<Point>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let answer = |point: &Point| point.is_finite().then_some(*point);
        let answers = points.as_ref().map(|points| points.iter().map(answer).collect::<Vec<_>>());
        answers.serialize(serializer)
    }
}
