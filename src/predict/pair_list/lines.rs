//! The lines of a list as they stand there: JSON objects, or rows of a table with or without a header.

use anyhow::{Context, Result, ensure};
use csv::StringRecord;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::data::lists::keys::{Key, Readings};
use crate::data::lists::{json, table};

/// The keys of a JSON object, the first [`COLUMNS`] also names of columns.
const KEYS: [Key; 9] = [
    Key {
        name: "source",
        also: &["src", "source_image", "src_image", "src_imname", "image1", "imageA"],
    },
    Key {
        name: "target",
        also: &["trg", "tgt", "target_image", "trg_image", "trg_imname", "image2", "imageB"],
    },
    Key { name: "name", also: &[] },
    Key { name: "transfer", also: &["mask", "source_mask"] },
    Key { name: "truth", also: &["target_mask"] },
    Key { name: "keypoints", also: &["kps", "source_keypoints", "src_kps"] },
    Key { name: "source_escaped", also: &[] },
    Key { name: "target_escaped", also: &[] },
    Key { name: "index", also: &[] },
];

/// How many keys are names of columns.
const COLUMNS: usize = 5;

/// A pair as a line spells it.
#[derive(Default, Deserialize)]
pub(super) struct Line {
    /// The source photo.
    pub source: String,
    /// Whether it is escaped.
    #[serde(default)]
    pub source_escaped: bool,
    /// The target photo.
    pub target: String,
    /// Whether it is escaped.
    #[serde(default)]
    pub target_escaped: bool,
    /// What results are to be called.
    pub name: Option<String>,
    /// What is drawn on the source: a file.
    pub transfer: Option<String>,
    /// What truly lies on the target: a file.
    pub truth: Option<String>,
    /// Positions to transfer, as JSON.
    pub keypoints: Option<Box<RawValue>>,
    /// What another program calls the pair; results repeat it.
    pub index: Option<Value>,
}

/// The pairs of a JSON text, each with its line.
///
/// # Errors
/// When it begins as an array and is none.
pub(super) fn json_lines(
    text: &str,
    readings: &mut Readings,
) -> Result<Vec<(usize, Result<Line>)>> {
    let mut parsed = |text: &str| {
        if text.starts_with('{') {
            let mut object = json::object(text)?;
            readings.mend(&mut object, &KEYS);
            return json::fill(object);
        }
        let value: Value = json::parse(text)?;
        let [source, target] = serde_json::from_value(value).context("it is no object")?;
        Ok(Line { source, target, ..Line::default() })
    };
    let expected = "expected {\"source\": \"FILE\", \"target\": \"FILE\"} with optional name, keypoints, transfer and truth";
    let items = json::items(text, &KEYS.map(|key| key.name))?;
    Ok(items.into_iter().map(|item| (item.line, parsed(item.text).context(expected))).collect())
}

/// The columns of a table that has a header, in the order of the keys.
struct Columns([Option<usize>; COLUMNS]);

impl Columns {
    /// The columns that a header names, if it is one.
    fn of(header: &StringRecord) -> Option<Self> {
        let column = |index: usize| {
            let key = &KEYS[index];
            let exact = header.iter().position(|field| field.eq_ignore_ascii_case(key.name));
            exact.or_else(|| header.iter().position(|field| key.is_meant_by(field)))
        };
        let columns = std::array::from_fn(column);
        (columns[0].is_some() && columns[1].is_some()).then_some(Self(columns))
    }

    /// The words of a header that were read as something else.
    fn tell(&self, header: &StringRecord, readings: &mut Readings) {
        for (key, column) in KEYS.iter().zip(self.0) {
            let word = column.map(|column| &header[column]);
            // `source_image` is what the PF-PASCAL lists say.
            let usual = |word: &str| {
                [key.name.to_owned(), format!("{}_image", key.name)]
                    .iter()
                    .any(|name| word.eq_ignore_ascii_case(name))
            };
            if let Some(word) = word.filter(|word| !usual(word)) {
                readings.count(word.to_owned(), key.name);
            }
        }
    }

    fn line(&self, row: &StringRecord) -> Result<Line> {
        let [source, target, others @ ..] =
            self.0.map(|column| column.and_then(|column| row.get(column)).map(str::to_owned));
        let fewer = || format!("it has {} columns, fewer than the header", row.len());
        let [name, transfer, truth] = others.map(|field| field.filter(|field| !field.is_empty()));
        Ok(Line {
            source: source.with_context(fewer)?,
            target: target.with_context(fewer)?,
            name,
            transfer,
            truth,
            ..Line::default()
        })
    }
}

/// The pairs of a table, each with its line.
///
/// # Errors
/// When it is none.
pub(super) fn csv_lines(text: &str, readings: &mut Readings) -> Result<Vec<(usize, Result<Line>)>> {
    let is_pair = |row: &StringRecord| filled(row) == 2 || Columns::of(row).is_some();
    let rows = table::rows(text, &is_pair)?;
    if let Some((_, header)) = rows.first()
        && let Some(columns) = Columns::of(header)
    {
        for Key { name, .. } in &KEYS {
            let named = header.iter().filter(|field| field.eq_ignore_ascii_case(name)).count();
            ensure!(named < 2, "its header names `{name}` {named} times");
        }
        columns.tell(header, readings);
        return Ok(rows[1..].iter().map(|(line, row)| (*line, columns.line(row))).collect());
    }
    let plain = |row: &StringRecord| {
        ensure!(
            filled(row) == 2,
            "expected two columns, source and target, but it has {} (a comma, a semicolon or a tab stands \
             between columns; a header may name `source` and `target` among others)",
            filled(row)
        );
        Ok(Line { source: row[0].into(), target: row[1].into(), ..Line::default() })
    };
    Ok(rows.iter().map(|(line, row)| (*line, plain(row))).collect())
}

/// How many columns a row has: two at least where it has so many, however empty, and none that are empty behind.
fn filled(row: &StringRecord) -> usize {
    let filled = row.iter().enumerate().filter(|(_, field)| !field.is_empty());
    let last = filled.last().map_or(0, |(index, _)| index + 1);
    last.max(row.len().min(2))
}
