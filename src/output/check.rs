//! What is known of a command's outputs before the work begins.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{Access, access};

use crate::output::destination::{Destination, ensure_stdout_open, folder_of};
use crate::output::identity::Identity;
use crate::output::leftovers;
use crate::output::unfinished::temporary;
use crate::visible::Shown;

/// Whom stdout belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stdout {
    /// The command's own results.
    Free,
    /// One of the outputs.
    Taken,
}

/// Checks, before the work that fills them, that all of `outputs` can be written, and that none is the same
/// file as another or as one of `inputs`, whatever their names. Clears what killed runs left in their folders.
///
/// # Errors
/// On the first output that cannot be written or must not.
pub(crate) fn check<'a>(
    outputs: impl IntoIterator<Item = &'a Path>,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<Stdout> {
    let inputs = inputs.into_iter().filter_map(|path| Some((Identity::of_input(path)?, path)));
    let inputs: HashMap<Identity, &Path> = inputs.collect();
    let shown = Identity::of_stdout().and_then(|stdout| inputs.get(&stdout));
    if let Some(input) = shown {
        bail!("stdout goes to the input `{}`: name another file", input.shown());
    }
    let mut stdout = Stdout::Free;
    let mut earlier: HashMap<Identity, &Path> = HashMap::new();
    let mut folders = HashSet::new();
    for path in outputs {
        let destination = Destination::of(path).and_then(|destination| {
            ensure_writable(&destination, &mut folders)?;
            Ok(destination)
        });
        let destination =
            destination.with_context(|| format!("cannot write `{}`", path.shown()))?;
        if destination == Destination::Stdout {
            stdout = Stdout::Taken;
        }
        let Some(identity) = Identity::of_output(&destination) else { continue };
        if let Some(input) = inputs.get(&identity) {
            bail!(
                "the output `{}` would overwrite the input `{}`: name another file",
                path.shown(),
                input.shown()
            );
        }
        if let Some(other) = earlier.insert(identity, path) {
            ensure!(other != path, "`{}` is named for two outputs", path.shown());
            bail!(
                "the outputs `{}` and `{}` are one and the same: name another",
                other.shown(),
                path.shown()
            );
        }
    }
    Ok(stdout)
}

/// Checks that a folder of outputs is there or can be made.
///
/// # Errors
/// Why it cannot.
pub(crate) fn check_folder(folder: &Path) -> Result<()> {
    let mut there = folder;
    while !there.as_os_str().is_empty() && fs::metadata(there).is_err() {
        there = folder_of(there);
        if there == Path::new(".") {
            break;
        }
    }
    let attempt = || -> Result<()> {
        ensure!(there.is_dir(), "`{}` is no folder", there.shown());
        drop(temporary(there)?);
        Ok(())
    };
    attempt().with_context(|| format!("cannot write to the folder `{}`", folder.shown()))
}

/// Whether something can be written; `folders` are known to take new files.
fn ensure_writable(destination: &Destination, folders: &mut HashSet<PathBuf>) -> Result<()> {
    match destination {
        Destination::Stdout => Ok(ensure_stdout_open()?),
        Destination::Straight(path, _) => Ok(access(path, Access::WRITE_OK)?),
        Destination::File(path) => {
            let folder = folder_of(path);
            ensure!(
                folder.is_dir(),
                "the folder `{}` does not exist: create it first",
                folder.shown()
            );
            if path.exists() {
                access(path, Access::WRITE_OK)?;
            }
            if folders.insert(folder.to_owned()) {
                drop(temporary(folder)?);
                leftovers::clear(folder);
            }
            Ok(())
        }
    }
}
