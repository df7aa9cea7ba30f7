//! What is left of an evaluation that fails before it has a report.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Error, Result, anyhow};

use crate::cli::eval::{EvalArguments, OutputArguments};
use crate::commands::outside::{IsOne, ensure_outside, is_replaceable};
use crate::data::catalog::Catalog;
use crate::eval::report::{junit, markdown};
use crate::output::{self, write_text};
use crate::terminal::print_error;

/// The outputs that can hold an error: where an earlier run left good news, they would stay.
#[derive(Clone, Debug)]
pub(super) struct FailureOutputs {
    dataset: String,
    /// The dataset's folder, if the catalog knows it.
    folder: Option<PathBuf>,
    junit: Option<PathBuf>,
    markdown: Option<PathBuf>,
    /// What the flags name to be read, or to hold other results.
    others: Vec<PathBuf>,
    /// Whether they hold a result.
    settled: Arc<AtomicBool>,
}

impl FailureOutputs {
    /// Those that the flags name, of a command whose flags name these inputs.
    pub(super) fn new(arguments: &EvalArguments, inputs: Vec<PathBuf>) -> Self {
        let EvalArguments { outputs, selection, .. } = arguments;
        let OutputArguments { report, html, predictions_out, junit, markdown, browse, .. } =
            outputs;
        let results = [report, html, predictions_out, browse].into_iter().flatten().cloned();
        // Where the catalog or the name is wrong, no dataset is read.
        let catalog = Catalog::load(selection.datasets.as_deref()).ok();
        let entry = catalog.as_ref().and_then(|catalog| catalog.get(&selection.dataset).ok());
        Self {
            dataset: selection.dataset.clone(),
            folder: entry.map(|entry| entry.folder(&selection.data_root)),
            junit: junit.clone(),
            markdown: markdown.clone(),
            others: inputs.into_iter().chain(results).collect(),
            settled: Arc::default(),
        }
    }

    /// Says in each file of an earlier run that there is no result yet: whatever ends this process, good news do not
    /// stay. Where nothing can be said, nothing stays.
    pub(super) fn begin(&self) {
        let error = anyhow!("it has not come to its end: it still runs, or was stopped or killed");
        for (path, text) in self.texts(&error).filter(|(path, _)| path.is_file()) {
            if self.ensure_apart(path).is_ok() && write_text(path, &text).is_err() {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// They hold a result from now on, which says itself what failed.
    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    /// Writes the error into each that holds no result; those that could be written. What keeps it from one is told on
    /// stderr.
    pub(super) fn write(&self, error: &Error) -> Vec<&Path> {
        if self.settled.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut written = Vec::new();
        for (path, text) in self.texts(error) {
            match self.ensure_apart(path).and_then(|()| write_text(path, &text)) {
                Ok(()) => written.push(path),
                Err(error) => print_error(&error),
            }
        }
        written
    }

    /// The error for each file that is not there or was such a file before: anything else is kept for a result.
    fn texts(&self, error: &Error) -> impl Iterator<Item = (&Path, String)> {
        let files = [
            (self.junit.as_deref(), junit::failure(&self.dataset, error), junit::is_one as IsOne),
            (self.markdown.as_deref(), markdown::failure(&self.dataset, error), markdown::is_one),
        ];
        files.into_iter().filter_map(|(path, text, is_one)| {
            path.filter(|path| is_replaceable(path, is_one)).map(|path| (path, text))
        })
    }

    /// Which of the dataset's files are inputs is not known by now.
    fn ensure_apart(&self, path: &Path) -> Result<()> {
        output::check([path], self.others.iter().map(PathBuf::as_path))?;
        self.folder.iter().try_for_each(|folder| ensure_outside(path, folder))
    }
}
