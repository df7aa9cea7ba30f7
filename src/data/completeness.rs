//! Whether all of a dataset is there, as far as its lists tell, and which of the files that it is published in would
//! bring the rest.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::data::catalog::{Entry, RemoteFile};
use crate::data::formats::text::{read_csv, read_text};
use crate::data::load::{Dataset, LoadedSplit, read_split};
use crate::data::problem::{Fault, Problem};
use crate::output::beginning::beginning;
use crate::visible::Shown;

/// Bytes at a file's beginning that tell a web page.
const BEGINNING: u64 = 256;

/// What of a dataset is not there, or cannot be read.
#[derive(Debug)]
pub(crate) struct Lack<'a> {
    /// The published files that would bring it, in the catalog's order.
    pub files: Vec<&'a RemoteFile>,
    /// What it is.
    pub problems: Vec<Problem>,
}

impl<'a> Lack<'a> {
    /// What a dataset lacks: lists, and what these name.
    pub(crate) fn of(dataset: &Dataset<'a>) -> Self {
        let entry = dataset.entry;
        let folder = entry.folder(dataset.data_root);
        let mut problems = Vec::new();
        for (split, list) in &entry.splits {
            let list = folder.join(list);
            if entry.is_there(&folder, split) {
                problems.extend(of_split(dataset, split, &list));
            } else {
                problems.push(absent_list(split, &list));
            }
        }
        Self { files: to_fetch(entry, &folder, &problems), problems }
    }
}

/// What of a split is not there or cannot be read, its list included.
fn of_split(dataset: &Dataset, split: &str, list: &Path) -> Vec<Problem> {
    let unreadable = |error: &anyhow::Error| {
        vec![Problem::of_file(Fault::Unreadable, list, format!("{error:#}"))]
    };
    if list.is_file()
        && let Err(error) = ensure_text(list)
    {
        return unreadable(&error);
    }
    match read_split(dataset, split) {
        Ok(loaded) => match ensure_rows(&loaded) {
            Ok(()) => {
                let is_lack =
                    |problem: &Problem| matches!(problem.fault, Fault::Missing | Fault::Unreadable);
                loaded.problems.into_iter().filter(is_lack).collect()
            }
            Err(error) => unreadable(&error),
        },
        // The list is there and what it is about is not.
        Err(error) => {
            let folder = dataset.entry.folder(dataset.data_root);
            vec![Problem::of_file(Fault::Missing, &folder, format!("{error:#}"))]
        }
    }
}

/// The problem that the list of a split is not there.
pub(crate) fn absent_list(split: &str, list: &Path) -> Problem {
    Problem::of_file(Fault::Missing, list, format!("the list of the split {split}"))
}

/// The files that mend problems of a dataset in `folder`: what is missing lies in an archive, unless it is a list that is
/// published by itself.
pub(crate) fn to_fetch<'a>(
    entry: &'a Entry,
    folder: &Path,
    problems: &[Problem],
) -> Vec<&'a RemoteFile> {
    let is_about = |problem: &Problem, file: &RemoteFile| {
        problem.line.is_none() && problem.file == folder.join(&file.makes)
    };
    let is_list = |file: &&RemoteFile| entry.splits.values().any(|list| *list == file.makes);
    let lies_in_archive = |problem: &Problem| {
        problem.fault == Fault::Missing
            && !entry.files.iter().filter(is_list).any(|file| is_about(problem, file))
    };
    let archives = problems.iter().any(lies_in_archive);
    let is_wanted = |file: &&RemoteFile| match is_list(file) {
        true => problems.iter().any(|problem| is_about(problem, file)),
        false => archives || !folder.join(&file.makes).exists(),
    };
    entry.files.iter().filter(is_wanted).collect()
}

/// Ensures that a file, wherever it lies, is what the dataset's `makes` is to be: if that is a list, one that can be
/// read, whatever is there of what it names.
///
/// # Errors
/// When it is not; the error says what it is instead.
pub(crate) fn ensure_list(dataset: &Dataset, makes: &Path, file: &Path) -> Result<()> {
    let entry = dataset.entry;
    let Some((split, _)) = entry.splits.iter().find(|(_, list)| *list == makes) else {
        return Ok(());
    };
    // Its name says where some layouts have their annotations.
    let place = tempfile::tempdir()?;
    let list = place.path().join(makes.file_name().unwrap_or_default());
    fs::copy(file, &list).with_context(|| format!("reading `{}`", file.shown()))?;
    ensure_text(&list)?;
    let splits = BTreeMap::from([(split.clone(), list)]);
    let entry = Entry { splits, default_split: split.clone(), ..entry.clone() };
    match read_split(&Dataset { entry: &entry, ..*dataset }, split) {
        Ok(loaded) => ensure_rows(&loaded),
        // What it is about is not there.
        Err(_) => Ok(()),
    }
}

/// Ensures that a list is a text, and a table where its name says so.
fn ensure_text(list: &Path) -> Result<()> {
    ensure_no_page(list)?;
    ensure!(!read_text(list)?.trim().is_empty(), "it is empty");
    if list.extension().is_some_and(|ending| ending == "csv") {
        ensure!(!read_csv(list)?.is_empty(), "it has no row");
    }
    Ok(())
}

/// Ensures that some row of a list says something.
fn ensure_rows(loaded: &LoadedSplit) -> Result<()> {
    let is_of_row = |problem: &&Problem| {
        problem.file == loaded.split.list
            && problem.line.is_some()
            && matches!(problem.fault, Fault::WrongCount | Fault::Unreadable)
    };
    let of_rows = loaded.problems.iter().filter(is_of_row).count();
    if let Some(Problem { line: Some(line), detail, .. }) = loaded.problems.first()
        && loaded.split.pairs.is_empty()
        && of_rows == loaded.problems.len()
    {
        bail!("none of its rows is one of a list: line {line}: {detail}");
    }
    Ok(())
}

/// Ensures that a file is no web page, which servers send instead of files to those whom they do not know.
///
/// # Errors
/// When it is, or cannot be read.
pub(crate) fn ensure_no_page(file: &Path) -> Result<()> {
    let text = beginning(file, BEGINNING)?;
    let first = text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).lines().next();
    let first = first.unwrap_or_default().trim_end();
    ensure!(
        !first.starts_with('<'),
        "it is a web page (`{}`), as servers send it to those who are to log in or to agree to something",
        crate::visible::one_line(&first.chars().take(60).collect::<String>())
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::catalog::Catalog;

    /// A row of PF-WILLOW's list.
    fn row(category: &str) -> String {
        let photos = ["a", "b"].map(|name| format!("PF-dataset/{category}/{name}.png"));
        format!("{},{}{}\n", photos[0], photos[1], ",1".repeat(40))
    }

    #[test]
    fn lists_are_told_from_what_is_none_whatever_of_the_photos_is_there() {
        let catalog = Catalog::load(None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let dataset = Dataset::new("pf-willow", catalog.get("pf-willow").unwrap(), folder.path());
        fs::create_dir(folder.path().join("PF-WILLOW")).unwrap();
        let file = folder.path().join("downloaded");
        let judged = |text: &str| {
            fs::write(&file, text).unwrap();
            ensure_list(&dataset, Path::new("test_pairs.csv"), &file)
                .map_err(|error| format!("{error:#}"))
        };
        let header = "imageA,imageB,x\n";
        judged(&format!("{header}{}", row("car(G)"))).unwrap();
        judged(&format!("{header}{}nonsense\n", row("car(G)"))).unwrap();
        for (text, why) in [
            ("  <HTML><body>, , , ,</body></HTML>", "it is a web page (`<HTML><body>"),
            ("", "it is empty"),
            (header, "it has no row"),
            (
                "not found\nask, somebody else\n",
                "none of its rows is one of a list: line 2: 2 columns",
            ),
        ] {
            let error = judged(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        // What is no list is judged by nobody.
        fs::write(&file, "anything").unwrap();
        ensure_list(&dataset, Path::new("car(G)"), &file).unwrap();
    }

    #[test]
    fn what_is_missing_says_which_files_would_bring_it() {
        let catalog = Catalog::load(None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let dataset = Dataset::new("pf-willow", catalog.get("pf-willow").unwrap(), folder.path());
        let root = folder.path().join("PF-WILLOW");
        let lacking = || {
            let lack = Lack::of(&dataset);
            let makes = lack.files.iter().map(|file| file.makes.to_str().unwrap().to_owned());
            (makes.collect::<Vec<_>>(), lack.problems.len())
        };
        assert_eq!(lacking(), (vec!["car(G)".into(), "test_pairs.csv".into()], 1));
        // The folder that the archive is known by, and not the one that the list names.
        fs::create_dir_all(root.join("car(G)")).unwrap();
        fs::create_dir_all(root.join("car(M)")).unwrap();
        assert_eq!(lacking(), (vec!["test_pairs.csv".into()], 1));
        let list = root.join("test_pairs.csv");
        fs::write(&list, format!("imageA,imageB,x\n{}", row("car(M)"))).unwrap();
        assert_eq!(lacking(), (vec!["car(G)".into()], 2));
        for name in ["a", "b"] {
            let photo = root.join("car(M)").join(name).with_extension("png");
            image::RgbImage::new(4, 4).save(photo).unwrap();
        }
        assert_eq!(lacking(), (Vec::new(), 0));
        fs::write(&list, "<html>").unwrap();
        assert_eq!(lacking(), (vec!["test_pairs.csv".into()], 1));
    }
}
