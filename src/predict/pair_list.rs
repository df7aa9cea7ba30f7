//! Lists of pairs: CSV, or one JSON object a line.
//!
//! CSV is `source,target` without a header, or any columns under a header that names `source` and
//! `target` (or `source_image` and `target_image`, as the PF-PASCAL lists do), and maybe `name`. A JSON
//! object has `source` and `target`, and maybe `name` and `keypoints` (`[[x, y], ...]`).
//! Relative image paths are relative to the list's folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::predict::keypoints::Keypoints;

/// One line of a list.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The line in the list, from 1.
    pub line: usize,
    /// The pair, or why there is none.
    pub pair: Result<ListedPair>,
}

/// A pair of a list.
#[derive(Clone, Debug)]
pub(crate) struct ListedPair {
    /// Unique in the list, safe as a file name.
    pub name: String,
    /// The source photo as the list spells it.
    pub source: String,
    /// The target photo as the list spells it.
    pub target: String,
    /// The folder that relative paths start from.
    folder: PathBuf,
    /// Positions to transfer.
    pub keypoints: Option<Keypoints>,
}

impl ListedPair {
    /// The source photo's file.
    pub(crate) fn source_path(&self) -> PathBuf {
        self.folder.join(&self.source)
    }

    /// The target photo's file.
    pub(crate) fn target_path(&self) -> PathBuf {
        self.folder.join(&self.target)
    }
}

/// A pair as a line spells it.
#[derive(Deserialize)]
struct Line {
    source: String,
    target: String,
    name: Option<String>,
    keypoints: Option<Value>,
}

/// Reads a list from a file, or from standard input if the file is called `-`.
///
/// # Errors
/// When the list cannot be read or is empty. Single bad lines are entries without a pair.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>> {
    let context = || format!("reading the list of pairs `{}`", path.display());
    let (text, folder) = if path == Path::new("-") {
        (std::io::read_to_string(std::io::stdin()).with_context(context)?, PathBuf::new())
    } else {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        (std::fs::read_to_string(path).with_context(context)?, folder)
    };
    parse(&text, &folder).with_context(context)
}

/// Reads a list from text; relative paths start from `folder`.
fn parse(text: &str, folder: &Path) -> Result<Vec<Entry>> {
    // Spreadsheets begin their files with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines =
        if text.trim_start().starts_with('{') { json_lines(text) } else { csv_lines(text)? };
    ensure!(!lines.is_empty() && !text.trim().is_empty(), "it holds no pairs");
    let mut names = HashSet::new();
    let entry = |(line, parsed): (usize, Result<Line>)| {
        let pair = parsed.and_then(|parsed| listed(parsed, folder, &mut names));
        Entry { line, pair: pair.with_context(|| format!("line {line} of the list")) }
    };
    Ok(lines.into_iter().map(entry).collect())
}

fn json_lines(text: &str) -> Vec<(usize, Result<Line>)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let parsed = serde_json::from_str(line).context(
                "expected {\"source\": \"FILE\", \"target\": \"FILE\"} with optional name and keypoints",
            );
            (index + 1, parsed)
        })
        .collect()
}

fn csv_lines(text: &str) -> Result<Vec<(usize, Result<Line>)>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.context("expected CSV")?;
        let line = row.position().map_or(0, |position| position.line() as usize);
        rows.push((line, row));
    }
    let column = |row: &csv::StringRecord, names: &[&str]| {
        row.iter().position(|field| names.iter().any(|name| field.eq_ignore_ascii_case(name)))
    };
    let header = rows.first().map(|(_, row)| {
        let source = column(row, &["source", "source_image"]);
        (source.zip(column(row, &["target", "target_image"])), column(row, &["name"]))
    });
    let Some((Some((source, target)), name)) = header else {
        let plain = |row: &csv::StringRecord| {
            ensure!(
                row.len() == 2,
                "expected two columns, source and target, but it has {}",
                row.len()
            );
            Ok(Line { source: row[0].into(), target: row[1].into(), name: None, keypoints: None })
        };
        return Ok(rows.iter().map(|(line, row)| (*line, plain(row))).collect());
    };
    let named = |row: &csv::StringRecord| {
        let field = |index: usize| {
            row.get(index)
                .map(str::to_owned)
                .with_context(|| format!("it has {} columns, fewer than the header", row.len()))
        };
        let name = name.and_then(|index| row.get(index)).filter(|name| !name.is_empty());
        Ok(Line {
            source: field(source)?,
            target: field(target)?,
            name: name.map(str::to_owned),
            keypoints: None,
        })
    };
    Ok(rows[1..].iter().map(|(line, row)| (*line, named(row))).collect())
}

fn listed(line: Line, folder: &Path, names: &mut HashSet<String>) -> Result<ListedPair> {
    ensure!(!line.source.is_empty() && !line.target.is_empty(), "a path is empty");
    let keypoints = line.keypoints.map(Keypoints::from_json).transpose().context("`keypoints`")?;
    let name =
        line.name.unwrap_or_else(|| format!("{}-to-{}", stem(&line.source), stem(&line.target)));
    Ok(ListedPair {
        name: unique(safe(&name), names),
        source: line.source,
        target: line.target,
        folder: folder.to_owned(),
        keypoints,
    })
}

/// A file's name without folder and ending, at most 100 characters.
fn stem(path: &str) -> String {
    let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
    stem.chars().take(100).collect()
}

/// A name that is one file name on every system and cannot be mistaken for one with an ending.
fn safe(name: &str) -> String {
    let keep = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let name: String =
        name.chars().take(210).map(|letter| if keep(letter) { letter } else { '_' }).collect();
    if name.is_empty() { "pair".to_owned() } else { name }
}

/// The name itself the first time, then with `-2`, `-3`, ...; some systems ignore case, so this does too.
fn unique(name: String, taken: &mut HashSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let free = std::iter::once(name.clone())
        .chain(numbered)
        .find(|candidate| taken.insert(candidate.to_ascii_lowercase()));
    free.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<Result<ListedPair>> {
        parse(text, Path::new("list")).unwrap().into_iter().map(|entry| entry.pair).collect()
    }

    fn names(text: &str) -> Vec<String> {
        pairs(text).into_iter().map(|pair| pair.unwrap().name).collect()
    }

    #[test]
    fn csv_with_and_without_a_header_and_json_lines_say_the_same() {
        for text in [
            "a/x.jpg,b/y.png\n",
            "class,target_image,source_image\r\ncar,b/y.png,a/x.jpg\r\n",
            "\u{feff}Source, Target\n\n\"a/x.jpg\", b/y.png",
            "\n{\"source\": \"a/x.jpg\", \"target\": \"b/y.png\", \"category\": 3}\n\n",
        ] {
            let pair = pairs(text).remove(0).unwrap();
            assert_eq!(pair.source_path(), Path::new("list/a/x.jpg"), "{text}");
            assert_eq!(pair.target_path(), Path::new("list/b/y.png"));
            assert_eq!((pair.source.as_str(), pair.name.as_str()), ("a/x.jpg", "x-to-y"));
        }
    }

    #[test]
    fn absolute_paths_stay() {
        let pair = pairs("/a/x.jpg,y.jpg").remove(0).unwrap();
        assert_eq!(pair.source_path(), Path::new("/a/x.jpg"));
    }

    #[test]
    fn names_are_unique_and_safe() {
        assert_eq!(
            names("1/x.jpg,y.jpg\n2/x.jpg,y.jpg\nX.png,Y.v2.png\nx.jpg,y.jpg"),
            ["x-to-y", "x-to-y-2", "X-to-Y_v2", "x-to-y-3"]
        );
        assert_eq!(names("source,target,name\na,b,../c d.png\na,b,"), ["___c_d_png", "a-to-b"]);
        let long = format!("{}.jpg,{0}.jpg", "ä".repeat(200));
        assert_eq!(names(&long)[0].len(), 204);
    }

    #[test]
    fn a_bad_line_is_an_entry_without_a_pair() {
        let error = |text: &str| format!("{:#}", pairs(text).remove(1).unwrap_err());
        assert!(error("a,b\nc\nd,e").contains("line 2 of the list: expected two columns"));
        assert!(error("source,class,target\na,car,b\nc,car").contains("fewer than the header"));
        assert!(error("{\"source\":\"a\",\"target\":\"b\"}\n{\"source\":1}").contains("line 2"));
        let keypoints = "{\"source\":\"a\",\"target\":\"b\"}\n{\"source\":\"a\",\"target\":\"b\",\"keypoints\":[1]}";
        assert!(error(keypoints).contains("`keypoints`: keypoint 0 is 1"));
        assert!(parse("source,target\n", Path::new("")).is_err());
        assert!(parse(" \n", Path::new("")).is_err());
    }

    #[test]
    fn json_lines_carry_keypoints() {
        let pair = pairs(r#"{"source":"a","target":"b","keypoints":[[1,2]]}"#).remove(0).unwrap();
        assert_eq!(pair.keypoints.unwrap().source.len(), 1);
    }
}
