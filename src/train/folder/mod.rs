//! The run folder: begun for a fresh run, opened again for one that goes on.

pub(crate) mod checkpoint;
pub(crate) mod history;
pub(crate) mod metrics;
pub(crate) mod pictures;
pub(crate) mod state;
pub(crate) mod tensorboard;

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::data::settings_file;
use crate::geometry::Size;
use crate::output::{self, Stdout, leftovers};
use crate::train::config::TrainConfig;
use crate::train::config::file::ConfigFile;
use crate::train::folder::checkpoint::{BEST, LAST};
use crate::train::folder::metrics::MetricsLog;
use crate::train::folder::tensorboard::{EventWriter, delete_events};
use crate::train::samples::left_out::LeftOut;
use crate::train::validation::shown::Picture;
use crate::visible::Shown;

/// The complete configuration.
pub(crate) const CONFIG: &str = "config.toml";

/// The numbers of every step and epoch.
pub(crate) const METRICS: &str = "metrics.jsonl";

/// The photos that the run leaves out, if there are any.
pub(crate) const LEFT_OUT: &str = "left_out.json";

/// Reads a configuration file, complete or not.
///
/// # Errors
/// When it cannot be read or says something it cannot.
pub(crate) fn read_config(path: &Path) -> Result<ConfigFile> {
    settings_file::read(path)
        .and_then(|text| ConfigFile::from_toml(&text))
        .with_context(|| format!("reading the training configuration `{}`", path.shown()))
}

/// Checks, before data and weights are read, that a run in `folder` can be written and overwrites none of
/// `inputs`.
///
/// # Errors
/// Why it cannot.
pub(crate) fn check(folder: &Path, inputs: &[PathBuf]) -> Result<()> {
    output::check_folder(folder).context("making the run folder")?;
    if folder.is_dir() {
        let files = [CONFIG, METRICS, LAST, BEST, LEFT_OUT].map(|name| folder.join(name));
        let stdout =
            output::check(files.iter().map(PathBuf::as_path), inputs.iter().map(PathBuf::as_path))?;
        ensure!(stdout == Stdout::Free, "stdout goes to a file of the run: name another");
    }
    Ok(())
}

/// Keeps other processes from training in a folder, until the value is dropped or the process ends.
///
/// # Errors
/// When one does already.
pub(crate) fn lock(folder: &Path) -> Result<Option<File>> {
    // File systems without locks do without.
    let Ok(file) = File::open(folder) else { return Ok(None) };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => bail!(
            "another process is training in `{}`: wait for it to end, or name another folder",
            folder.shown()
        ),
        _ => Ok(Some(file)),
    }
}

/// Begins a run in `folder`, which is made if it is absent, and [`lock`]s it.
///
/// # Errors
/// When there is a run in it already, or it cannot be written.
pub(crate) fn begin(folder: &Path, config: &TrainConfig) -> Result<Option<File>> {
    output::make_folder(folder)
        .with_context(|| format!("making the run folder `{}`", folder.shown()))?;
    let lock = lock(folder)?;
    ensure!(
        !folder.join(LAST).exists(),
        "there is a run in `{0}` already: go on with it (--resume {0}), or name another folder",
        folder.shown()
    );
    ensure_own(folder)?;
    leftovers::clear(folder);
    delete_events(folder)?;
    write_config(folder, config)?;
    Ok(lock)
}

/// Whether what lies in the folder under a run's names comes from a run that was cut off before its first
/// checkpoint, and may go.
fn ensure_own(folder: &Path) -> Result<()> {
    let ensure = |name: &str, own: bool| {
        ensure!(
            own,
            "`{}` is there already, of no run that could be gone on with: move it away, or name another folder",
            folder.join(name).shown()
        );
        Ok(())
    };
    let [best, metrics, config] = [BEST, METRICS, CONFIG].map(|name| folder.join(name));
    ensure(BEST, !best.exists())?;
    ensure(LEFT_OUT, read_left_out(folder).is_ok())?;
    ensure(METRICS, fs::metadata(metrics).map_or(true, |found| found.len() == 0))?;
    // As this program writes it, with nothing that a user may have added.
    let complete = |text: &str| ConfigFile::from_toml(text)?.config.to_toml();
    let written = |text: String| complete(&text).is_ok_and(|complete| complete == text);
    ensure(CONFIG, !config.exists() || fs::read_to_string(config).is_ok_and(written))
}

/// Writes the complete configuration.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_config(folder: &Path, config: &TrainConfig) -> Result<()> {
    let text = config.to_toml()?;
    output::write(&folder.join(CONFIG), |file| Ok(file.write_all(text.as_bytes())?))
}

/// The photos that a run leaves out; none if the file is not there.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn read_left_out(folder: &Path) -> Result<Vec<LeftOut>> {
    let path = folder.join(LEFT_OUT);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.with_context(|| format!("reading `{}`", path.shown()))?,
    };
    serde_json::from_slice(&text).with_context(|| format!("reading `{}`", path.shown()))
}

/// Keeps the list of photos that the run leaves out; no file where there are none.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_left_out(folder: &Path, photos: &[LeftOut]) -> Result<()> {
    let path = folder.join(LEFT_OUT);
    if !photos.is_empty() {
        return output::write(&path, |file| {
            serde_json::to_writer_pretty(&mut *file, photos)?;
            Ok(file.write_all(b"\n")?)
        });
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("deleting `{}`", path.shown()))
        }
        _ => Ok(()),
    }
}

/// Where a run's numbers and pictures go: `metrics.jsonl`, `pictures/` and TensorBoard.
#[derive(Debug)]
pub(crate) struct Logs {
    folder: PathBuf,
    metrics: MetricsLog,
    events: EventWriter,
}

impl Logs {
    /// Opens the logs of a run that has done `steps` optimizer steps.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn open(folder: &Path, steps: u64) -> Result<Self> {
        let metrics: PathBuf = folder.join(METRICS);
        pictures::drop_later(folder, steps)?;
        Ok(Self {
            folder: folder.to_owned(),
            metrics: MetricsLog::open(&metrics, steps)?,
            events: EventWriter::create(folder, steps + 1)?,
        })
    }

    /// Writes one line of metrics, and scalars for TensorBoard.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn append(
        &mut self,
        step: u64,
        line: &impl serde::Serialize,
        scalars: &[(String, f64)],
    ) -> Result<()> {
        self.metrics.append(line)?;
        self.events.scalars(step, scalars)
    }

    /// Writes pictures of what the weights find after so many steps.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn pictures(&mut self, step: u64, pictures: &[Picture]) -> Result<()> {
        let numbered = || (1..).zip(pictures);
        for (number, picture) in numbered() {
            pictures::save(&self.folder, step, number, &picture.jpeg)?;
        }
        let tag = |number| format!("validation/pair-{number}");
        let images: Vec<(String, Size, &[u8])> = numbered()
            .map(|(number, picture): (usize, _)| (tag(number), picture.size, &*picture.jpeg))
            .collect();
        self.events.images(step, &images)
    }
}
