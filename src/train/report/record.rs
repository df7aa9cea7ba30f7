//! A run as its folder tells it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::train::folder::history::History;
use crate::train::folder::pictures::{StoredPicture, list};
use crate::train::folder::{CONFIG, METRICS};
use crate::visible::Shown;

/// A run as its folder tells it.
#[derive(Debug)]
pub(crate) struct RunRecord {
    /// What to call it: the folder's name.
    pub name: String,
    /// Its metrics.
    pub history: History,
    /// Its complete configuration.
    pub config: String,
    /// What it found of some validation pairs.
    pub pictures: Vec<StoredPicture>,
}

impl RunRecord {
    /// Reads a run folder.
    ///
    /// # Errors
    /// When it holds no run.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let attempt = || -> Result<Self> {
            let is_run = [CONFIG, METRICS].iter().all(|name| folder.join(name).is_file());
            ensure!(is_run, "it is no run folder: it holds no {CONFIG} and {METRICS}");
            let path = folder.join(CONFIG);
            let config =
                fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.shown()))?;
            let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
            Ok(Self {
                name: whole.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                history: History::read(folder)?,
                config,
                pictures: list(folder)?,
            })
        };
        attempt().with_context(|| format!("reading the run in `{}`", folder.shown()))
    }
}
