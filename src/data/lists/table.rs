//! Rows of a table as text: columns apart by a comma, a semicolon or a tab, lines that end in any way.

use anyhow::{Context, Result};
use csv::{ReaderBuilder, StringRecord, Trim};

/// What may stand between columns, the usual first.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// The rows of a text with the lines that they begin in, from 1; blank lines are passed over. The delimiter is
/// the first by which the first row is as `is_right` wants it, the comma if none is; a spreadsheet's `sep=;`
/// wins.
///
/// # Errors
/// When the text is no table.
pub(crate) fn rows(
    text: &str,
    is_right: &dyn Fn(&StringRecord) -> bool,
) -> Result<Vec<(usize, StringRecord)>> {
    let (stated, skipped) = stated_delimiter(text);
    let first = text[skipped..].lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let fits = |delimiter: &u8| {
        read(first, *delimiter).is_ok_and(|rows| rows.first().is_some_and(|(_, row)| is_right(row)))
    };
    let found = || DELIMITERS.into_iter().find(fits).unwrap_or(DELIMITERS[0]);
    let rows = read(&text[skipped..], stated.unwrap_or_else(found))?;
    let before = text[..skipped].matches('\n').count();
    Ok(rows.into_iter().map(|(line, row)| (line + before, row)).collect())
}

fn read(text: &str, delimiter: u8) -> Result<Vec<(usize, StringRecord)>> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let (mut line, mut counted) = (1, 0);
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.context("expected CSV")?;
        let start = row.position().map_or(0, |position| position.byte() as usize);
        // The reader leaves the second half of `\r\n`, and blank lines, to the row that follows.
        let blank = text[start..].bytes().take_while(|byte| byte.is_ascii_whitespace()).count();
        line += line_ends(&text[counted..start + blank]);
        counted = start + blank;
        if row.iter().any(|field| !field.is_empty()) {
            rows.push((line, row));
        }
    }
    Ok(rows)
}

/// How often a line ends, in any way.
fn line_ends(text: &str) -> usize {
    let alone = |(at, _): &(usize, &str)| !text[at + 1..].starts_with('\n');
    text.matches('\n').count() + text.match_indices('\r').filter(alone).count()
}

/// The delimiter that a spreadsheet's first line `sep=;` states, and where the line after it begins.
fn stated_delimiter(text: &str) -> (Option<u8>, usize) {
    let end = text.find('\n').map_or(text.len(), |end| end + 1);
    match text[..end].trim_end_matches(['\r', '\n']).strip_prefix("sep=").map(str::as_bytes) {
        Some([delimiter]) => (Some(*delimiter), end),
        _ => (None, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(usize, Vec<String>)> {
        let rows = rows(text, &|row| row.len() == 2).unwrap();
        rows.into_iter()
            .map(|(line, row)| (line, row.iter().map(str::to_owned).collect()))
            .collect()
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "", "c,d", "\"e\",f", "  ", "g,h"].join(end);
            let lines: Vec<usize> = parsed(&text).iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [1, 3, 4, 6], "{text:?}");
        }
        assert_eq!(parsed("\"a\nb\",c\nd,e")[1].0, 3);
    }

    #[test]
    fn the_delimiter_is_the_one_that_fits_the_first_row() {
        for text in ["a,b", "a;b", "a\tb", "sep=;\r\na;b", " a ; b "] {
            assert_eq!(parsed(text)[0].1, ["a", "b"], "{text:?}");
        }
        assert_eq!(parsed("a,1.jpg;b,2.jpg")[0].1, ["a,1.jpg", "b,2.jpg"]);
        assert_eq!(parsed("a;1.jpg,b;2.jpg")[0].1, ["a;1.jpg", "b;2.jpg"]);
        assert_eq!(parsed("a.jpg")[0].1, ["a.jpg"]);
        assert_eq!(parsed("sep=;\na;b\nc;d")[1].0, 3);
    }
}
