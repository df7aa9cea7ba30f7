//! Results beside datasets: none may replace what it is made of.

use std::path::Path;

use anyhow::{Result, ensure};

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
