//! Lists and annotations as text: whatever ends their lines, with or without a byte order mark.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use csv::StringRecord;

use crate::data::lists::bytes;
use crate::data::lists::encoding::decode;
use crate::data::lists::table::rows;
use crate::visible::Shown;

/// A text file in UTF-8 or UTF-16, without its byte order mark.
///
/// # Errors
/// When the file cannot be read or is in another encoding.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let text = bytes::read(path).and_then(decode);
    text.with_context(|| format!("reading `{}`", path.shown()))
}

/// The rows of a CSV list with their line numbers, its header left out. Rows may have surplus columns;
/// blank lines are passed over.
///
/// # Errors
/// When the file cannot be read or is no table.
pub(crate) fn read_csv(path: &Path) -> Result<Vec<(usize, StringRecord)>> {
    let text = read_text(path)?;
    // Every layout's list has three columns at least.
    let rows = rows(&text, &|header| header.len() > 2);
    let rows = rows.with_context(|| format!("reading `{}`", path.shown()))?;
    Ok(rows.into_iter().skip(1).collect())
}

/// The `.json` files of a folder, sorted by name.
///
/// # Errors
/// When the folder cannot be read or holds none.
pub(crate) fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("reading the folder `{}`", folder.shown());
    let entries = fs::read_dir(folder).with_context(context)?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>();
    let mut files = paths.with_context(context)?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    ensure!(!files.is_empty(), "`{}` holds no .json file", folder.shown());
    Ok(files)
}

/// The lines that are not blank, trimmed, with their numbers from 1.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty())
}

/// The last parts of a listed path, whichever way its slashes lean: what comes before them differs
/// between copies of a list and is no folder of the dataset.
pub(crate) fn last_parts<const N: usize>(listed: &str) -> Option<[&str; N]> {
    let mut parts: Vec<&str> = listed.rsplit(['/', '\\']).take(N).collect();
    parts.reverse();
    <[&str; N]>::try_from(parts).ok().filter(|parts| parts.iter().all(|part| !part.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_any_line_end_and_with_a_byte_order_mark_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        for text in [
            "a,b,c\n1,2\n\n3, 4,5\n",
            "\u{feff}a,b,c\r\n1,2\r\n\r\n3,4,5",
            "a,b,c\n1,2 \n \n3,4,5",
            "a;b;c\n1;2\n\n3;4;5",
        ] {
            fs::write(&path, text).unwrap();
            let rows = read_csv(&path).unwrap();
            let numbers: Vec<usize> = rows.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, [2, 4], "{text:?}");
            assert_eq!(rows[0].1, vec!["1", "2"]);
            assert_eq!(rows[1].1, vec!["3", "4", "5"]);
        }
        fs::write(&path, b"\xff\xfe\x00").unwrap();
        assert!(read_csv(&path).is_err());
    }

    #[test]
    fn listed_paths_count_from_their_end() {
        assert_eq!(last_parts("PF-dataset/car(G)/a.png"), Some(["car(G)", "a.png"]));
        assert_eq!(last_parts("car(G)\\a.png"), Some(["car(G)", "a.png"]));
        assert_eq!(last_parts::<2>("a.png"), None);
        assert_eq!(last_parts::<1>("folder/"), None);
    }
}
