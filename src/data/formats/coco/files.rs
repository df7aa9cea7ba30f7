//! The annotation files of a split: the one that the catalog names, or those that lie in the folder it names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::data::formats::EVERYTHING;
use crate::data::formats::text::read_text;
use crate::visible::Shown;

/// Annotation files, and whether they are about one split alone.
#[derive(Debug)]
pub(super) struct Found {
    pub files: Vec<PathBuf>,
    pub of_split_alone: bool,
}

/// What folders and files that belong to one split are called, by split.
const WORDS: [(&str, &[&str]); 3] = [
    ("trn", &["trn", "train", "training"]),
    ("val", &["val", "valid", "validation"]),
    ("test", &["test", "testing"]),
];

/// The annotation files of a split: `list` itself, or of the `.json` files in that folder, in `annotations/` and
/// in folders called like splits those that are called like this one, or the only one there is.
///
/// # Errors
/// When there is none, or several could be meant.
pub(super) fn of_split(list: &Path, split: &str) -> Result<Found> {
    if list.is_file() {
        return Ok(Found { files: vec![list.to_owned()], of_split_alone: false });
    }
    ensure!(list.is_dir(), "there is no annotation file `{}`", list.shown());
    let mut all = json_files(list);
    if all.len() > 1 {
        // Captions, boxes and reports lie there as well.
        all.retain(|file| holds_keypoints(file));
    }
    let of_splits: Vec<(&'static str, &PathBuf)> =
        all.iter().filter_map(|file| Some((split_of(list, file)?, file))).collect();
    if !of_splits.is_empty() {
        let is_meant = |name: &str| split == EVERYTHING || name == split;
        let meant = of_splits.iter().filter(|(name, _)| is_meant(name));
        let files: Vec<PathBuf> = meant.map(|(_, file)| (*file).clone()).collect();
        if files.is_empty() {
            let names: Vec<&str> = of_splits.iter().map(|(name, _)| *name).collect();
            bail!(
                "`{}` has annotation files of the splits {} (--split)",
                list.shown(),
                names.join(", ")
            );
        }
        return Ok(Found { files, of_split_alone: true });
    }
    match all.as_slice() {
        [_] => Ok(Found { files: all, of_split_alone: false }),
        [] => bail!(
            "there are no COCO annotations in `{}`: no .json file with keypoints in it, in `annotations/`, \
             `train/`, `val/` or `test/`",
            list.shown()
        ),
        [..] => bail!(
            "several annotation files lie in `{}`: {}; name those of each split in a list of datasets of your \
             own (--datasets), or keep one",
            list.shown(),
            all.iter().map(|file| file.shown()).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The `.json` files that may hold annotations, sorted.
fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let inner = entries(folder).into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_called = |(_, words): &(&str, &[&str])| words.contains(&name.as_str());
        path.is_dir() && (name == "annotations" || WORDS.iter().any(is_called))
    });
    let folders = std::iter::once(folder.to_owned()).chain(inner);
    let is_json = |path: &PathBuf| {
        let ending = path.extension().unwrap_or_default();
        ending.eq_ignore_ascii_case("json") && path.is_file()
    };
    let mut files: Vec<PathBuf> =
        folders.flat_map(|folder| entries(&folder)).filter(is_json).collect();
    files.sort();
    files
}

/// The split that a file is called after: `train/_annotations.coco.json`, `person_keypoints_val2017.json`.
fn split_of(folder: &Path, file: &Path) -> Option<&'static str> {
    let below = file.strip_prefix(folder).unwrap_or(file).with_extension("");
    let name = below.to_string_lossy().to_lowercase();
    let mut words = name.split(|character: char| !character.is_alphabetic());
    words.find_map(|word| {
        WORDS.iter().find(|(_, words)| words.contains(&word)).map(|(split, _)| *split)
    })
}

/// Whether a file annotates keypoints.
fn holds_keypoints(file: &Path) -> bool {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only whether they are there matters")]
    struct Keys {
        images: IgnoredAny,
        annotations: Vec<Annotation>,
        categories: IgnoredAny,
    }
    #[derive(Deserialize)]
    struct Annotation {
        keypoints: Option<IgnoredAny>,
    }
    let keys = read_text(file).ok().and_then(|text| serde_json::from_str::<Keys>(&text).ok());
    keys.is_some_and(|keys| keys.annotations.iter().any(|one| one.keypoints.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file of that name holds.
    fn text(name: &str) -> &'static str {
        match name.rsplit('/').next().unwrap_or_default() {
            "report.json" => "{}",
            "captions_val2017.json" => r#"{"images": [], "annotations": []}"#,
            "instances_val2017.json" => {
                r#"{"images": [], "annotations": [{"bbox": []}], "categories": []}"#
            }
            _ => r#"{"images": [], "annotations": [{"keypoints": []}], "categories": []}"#,
        }
    }

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text(file)).unwrap();
        }
        folder
    }

    /// What is found for a split, below the folder.
    fn found(files: &[&str], split: &str) -> Result<(Vec<String>, bool)> {
        let folder = folder(files);
        let found = of_split(folder.path(), split)?;
        let name = |file: &PathBuf| file.strip_prefix(folder.path()).unwrap().display().to_string();
        Ok((found.files.iter().map(name).collect(), found.of_split_alone))
    }

    #[test]
    fn the_only_file_serves_every_split_whatever_else_lies_there() {
        for files in
            [&["instances_default.json"][..], &["annotations/keypoints.json", "report.json"]]
        {
            for split in ["all", "trn", "test"] {
                let (files, of_split_alone) = found(files, split).unwrap();
                assert_eq!((files.len(), of_split_alone), (1, false));
            }
        }
    }

    #[test]
    fn files_that_are_called_after_splits_are_theirs() {
        let files = ["train/_annotations.coco.json", "valid/_annotations.coco.json", "notes.json"];
        assert_eq!(found(&files, "trn").unwrap(), (vec![files[0].to_owned()], true));
        assert_eq!(found(&files, "val").unwrap(), (vec![files[1].to_owned()], true));
        assert_eq!(found(&files, "all").unwrap().0, files[..2]);
        let error = found(&files, "test").unwrap_err().to_string();
        assert!(error.ends_with("of the splits trn, val (--split)"), "{error}");
        let files =
            ["annotations/person_keypoints_train2017.json", "annotations/restaurant_Test.json"];
        assert_eq!(found(&files, "trn").unwrap().0, files[..1]);
        assert_eq!(found(&files, "test").unwrap().0, files[1..]);
        let files = ["captions", "instances", "person_keypoints"]
            .map(|kind| format!("annotations/{kind}_val2017.json"));
        assert_eq!(found(&files.each_ref().map(|file| &**file), "val").unwrap().0, files[2..]);
    }

    #[test]
    fn none_and_several_are_told() {
        let error = found(&["photos/a.json"], "all").unwrap_err().to_string();
        assert!(error.contains("no COCO annotations"), "{error}");
        let error = found(&["a.json", "b.json"], "all").unwrap_err().to_string();
        assert!(error.contains("several annotation files") && error.contains("b.json"), "{error}");
    }
}
