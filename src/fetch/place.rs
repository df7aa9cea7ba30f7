//! From an unpacked archive to the dataset's folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::fetch::event::Event;
use crate::fetch::unpack::{is_archive, unpack};
use crate::output::{self, make_folder};
use crate::visible::Shown;

/// Moves what was unpacked into the dataset's folder: what lies beside `makes`, in whatever folders the archive wraps it,
/// and `makes` itself at the end. Files that are there already stay, and get those that are missing beside them. An
/// archive `within` the archive is unpacked first.
///
/// # Errors
/// When the archive holds no `makes`, or the folder cannot be written.
pub(super) fn place(
    unpacked: TempDir,
    within: Option<&str>,
    makes: &Path,
    folder: &Path,
    on_event: &mut dyn FnMut(Event),
) -> Result<()> {
    let unpacked = match within {
        Some(name) => inner(&unpacked, name)?,
        None => unpacked,
    };
    let first = makes.components().next().map(|component| PathBuf::from(component.as_os_str()));
    let first = first.with_context(|| format!("`{}` names nothing", makes.shown()))?;
    let content = unwrapped(unpacked.path(), &first);
    ensure!(
        content.join(makes).exists(),
        "the archive holds no `{}`: it is not laid out as it is known to be; unpack it by hand",
        makes.shown()
    );
    make_folder(folder).with_context(|| format!("making `{}`", folder.shown()))?;
    let mut names: Vec<PathBuf> = fs::read_dir(&content)?
        .map(|entry| Ok(PathBuf::from(entry?.file_name())))
        .collect::<Result<_>>()?;
    names.sort_by_key(|name| (*name == first, name.clone()));
    for name in names {
        let target = folder.join(&name);
        let kept = move_in(&content.join(&name), &target)
            .with_context(|| format!("moving `{}` into its place", target.shown()))?;
        if kept > 0 {
            on_event(Event::Kept(&target, kept));
        }
    }
    Ok(())
}

/// Moves a file, or all in a folder that is not there yet; how many were there, or had something else in their place.
fn move_in(from: &Path, target: &Path) -> Result<usize> {
    if !target.exists() {
        fs::rename(from, target)?;
        return Ok(0);
    }
    if !from.is_dir() || !target.is_dir() {
        return Ok(1);
    }
    let mut kept = 0;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        kept += move_in(&from.join(&name), &target.join(&name))?;
    }
    Ok(kept)
}

/// Unpacks an archive that an archive holds.
fn inner(unpacked: &TempDir, name: &str) -> Result<TempDir> {
    ensure!(is_archive(name), "`{name}` is no archive");
    let found = find(unpacked.path(), name)?;
    let path = found.with_context(|| format!("the archive holds no `{name}`"))?;
    let place = unpacked.path().parent().context("a folder in the data root")?;
    unpack(&path, name, place, &mut |_| {})
}

/// The file of a name in a folder or below it.
fn find(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            match path.is_dir() {
                true => waiting.push(path),
                false if path.file_name().is_some_and(|own| own == name) => return Ok(Some(path)),
                false => {}
            }
        }
    }
    Ok(None)
}

/// The folder that holds `first`, below others that hold nothing else.
fn unwrapped(folder: &Path, first: &Path) -> PathBuf {
    let mut folder = folder.to_owned();
    loop {
        let mut entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        match (entries.next(), entries.next()) {
            (Some(only), None) if !folder.join(first).exists() && only.path().is_dir() => {
                folder = only.path();
            }
            _ => return folder,
        }
    }
}

/// Puts a downloaded file where it belongs; what is there keeps its content under another name.
///
/// # Errors
/// When it cannot be written there.
pub(super) fn place_file(
    file: &Path,
    target: &Path,
    on_event: &mut dyn FnMut(Event),
) -> Result<()> {
    if let Some(folder) = target.parent() {
        make_folder(folder).with_context(|| format!("making `{}`", folder.shown()))?;
    }
    if target.exists() {
        let aside = free_name(target);
        fs::rename(target, &aside)
            .with_context(|| format!("putting `{}` aside", target.shown()))?;
        on_event(Event::PutAside(target, &aside));
    }
    output::write(target, |out| {
        std::io::copy(&mut fs::File::open(file)?, out)?;
        Ok(())
    })
}

/// `NAME.unusable`, or with a number after it, as nothing is called yet.
fn free_name(target: &Path) -> PathBuf {
    let named = |ending: &str| {
        let mut name = target.as_os_str().to_owned();
        name.push(".unusable");
        name.push(ending);
        PathBuf::from(name)
    };
    let mut names =
        std::iter::once(named("")).chain((2..).map(|number: u64| named(&number.to_string())));
    names.find(|name| !name.exists()).unwrap_or_else(|| named(""))
}
