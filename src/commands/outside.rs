//! Results beside datasets: none may replace what it is made of.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::output::beginning::beginning;
use crate::visible::Shown;

/// Ensures that a result replaces no file of the dataset, not even one of another split.
///
/// # Errors
/// When it does.
pub(crate) fn ensure_outside(path: &Path, dataset: &Path) -> Result<()> {
    let (Ok(file), Ok(dataset)) = (path.canonicalize(), dataset.canonicalize()) else {
        return Ok(());
    };
    ensure!(
        !file.starts_with(dataset),
        "`{}` is there already, in the dataset's folder: choose another place",
        path.shown()
    );
    Ok(())
}

/// So much of a file says what it is.
const LOOK: u64 = 1 << 20;

/// Whether a text is a file of some kind.
pub(crate) type IsOne = fn(&str) -> bool;

/// Whether an error may take a file's place: there is none, it is empty, no file at all, or tells of an earlier run.
pub(crate) fn is_replaceable(path: &Path, is_one: IsOne) -> bool {
    if !path.is_file() {
        return true;
    }
    beginning(path, LOOK).is_ok_and(|start| start.is_empty() || is_one(&start))
}
