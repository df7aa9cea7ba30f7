//! Where a dataset's folder and lists are, and where they seem to be if they are elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::data::catalog::Entry;
use crate::spelling::nearest;
use crate::visible::Shown;

/// The dataset's folder.
///
/// # Errors
/// When it is not there; the error says where it seems to be, or where to get it.
pub(crate) fn dataset_folder(name: &str, entry: &Entry, data_root: &Path) -> Result<PathBuf> {
    let folder = entry.folder(data_root);
    if folder.is_dir() {
        return Ok(folder);
    }
    let found = elsewhere(entry, data_root);
    let advice = found.unwrap_or_else(|| {
        let named = if entry.root == Path::new(".") { "it" } else { "the folder above it" };
        let fetch = match entry.files.is_empty() {
            true => String::new(),
            false => format!("`lpmflow datasets fetch {name}` gets it, or "),
        };
        // What says more than where ends with its own comma.
        let comma = if entry.source.contains(", ") { "," } else { "" };
        format!("{fetch}get it from {}{comma} and name {named} with --data-root", entry.source)
    });
    bail!("{} is not there: no folder `{}`; {advice}", entry.title, folder.shown())
}

/// What to do about a dataset that lies near, but not in the data root.
fn elsewhere(entry: &Entry, data_root: &Path) -> Option<String> {
    let root = entry.root.as_path();
    let data_root = fs::canonicalize(data_root).ok()?;
    let shown = data_root.shown();
    if holds_lists(entry, &data_root) {
        let above = data_root.parent()?;
        return Some(if data_root.ends_with(root) {
            format!(
                "`{shown}` is the dataset's own folder: name the one above it, --data-root `{}`",
                above.shown()
            )
        } else {
            format!(
                "`{shown}` is the dataset's own folder: call it `{}`, and name the folder above it with \
                 --data-root",
                root.shown()
            )
        });
    }
    let mut folders = folders_in(&data_root);
    folders.sort();
    let inside = folders.iter().find(|folder| holds_lists(entry, &folder.join(root)));
    if let Some(folder) = inside {
        return Some(format!("it lies deeper: --data-root `{}`", folder.shown()));
    }
    let named = folders.iter().find(|folder| holds_lists(entry, folder))?;
    Some(format!("`{}` seems to be it: call it `{}`", named.shown(), root.shown()))
}

/// Why a list of the dataset is not there, and what to do.
pub(crate) fn missing_lists(
    name: &str,
    entry: &Entry,
    folder: &Path,
    lists: &[&Path],
) -> anyhow::Error {
    let names: Vec<String> = lists.iter().map(|list| list.shown().to_string()).collect();
    let is_there = |split: &&String| entry.is_there(folder, split);
    let there: Vec<String> = entry.splits.keys().filter(is_there).cloned().collect();
    let mut advice = Vec::new();
    if !there.is_empty() {
        advice.push(format!("there are those of the splits {} (--split)", there.join(", ")));
    }
    if holds_lists(entry, &folder.join(&entry.root)) {
        advice
            .push(format!("the dataset lies one folder deeper: --data-root `{}`", folder.shown()));
    } else {
        let alike = lists.iter().filter_map(|list| {
            let found = alike(entry, folder, list)?;
            Some(format!("`{}` may be `{}` under another name", found.shown(), list.shown()))
        });
        advice.extend(alike);
        if !entry.files.is_empty() {
            advice.push(format!("`lpmflow datasets fetch {name}` gets what is missing"));
        }
        advice.extend(entry.lists.iter().map(|lists| format!("its lists come from {lists}")));
        if advice.is_empty() || entry.lists.is_none() && !entry.files.is_empty() {
            let or = if advice.is_empty() { "" } else { "or " };
            advice.push(format!("{or}get the dataset again from {}", entry.source));
        }
    }
    anyhow::anyhow!(
        "`{}` holds {} of {}: {}; {}",
        folder.shown(),
        if names.len() == 1 { "no list" } else { "none of the lists" },
        entry.title,
        names.join(", "),
        advice.join("; ")
    )
}

/// Whether one of the dataset's lists is in a folder.
fn holds_lists(entry: &Entry, folder: &Path) -> bool {
    entry.splits.keys().any(|split| entry.is_there(folder, split))
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// A file in the folder or one below it that is called nearly as the list is, and more so than any other list.
fn alike(entry: &Entry, folder: &Path, list: &Path) -> Option<PathBuf> {
    let name_of = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
    let lists: Vec<String> = entry.splits.values().filter_map(|list| name_of(list)).collect();
    let (wanted, kind) = (name_of(list)?, list.extension()?);
    let mut below = folders_in(folder);
    below.sort();
    let folders = std::iter::once(folder.to_owned()).chain(below);
    let files = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let files: Vec<PathBuf> = files
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some(kind) && path.is_file())
        .collect();
    let is_meant = |name: &String| {
        !lists.contains(name) && nearest(name, lists.iter().map(String::as_str)) == Some(&*wanted)
    };
    let names: Vec<String> =
        files.iter().filter_map(|path| name_of(path)).filter(is_meant).collect();
    let name = nearest(&wanted, names.iter().map(String::as_str))?;
    files.iter().find(|path| path.ends_with(name)).cloned()
}
