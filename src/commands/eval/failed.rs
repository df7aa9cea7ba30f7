//! What is left of an evaluation that fails before it has a report.

use std::path::{Path, PathBuf};

use anyhow::{Error, Result};

use crate::cli::eval::EvalArguments;
use crate::commands::outside::ensure_outside;
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
    /// What the flags name to be read.
    inputs: Vec<PathBuf>,
}

impl FailureOutputs {
    /// Those that the flags name, of a command whose flags name these inputs.
    pub(super) fn new(arguments: &EvalArguments, inputs: Vec<PathBuf>) -> Self {
        let EvalArguments { outputs, selection, .. } = arguments;
        // Where the catalog or the name is wrong, no dataset is read.
        let catalog = Catalog::load(selection.datasets.as_deref()).ok();
        let entry = catalog.as_ref().and_then(|catalog| catalog.get(&selection.dataset).ok());
        Self {
            dataset: selection.dataset.clone(),
            folder: entry.map(|entry| entry.folder(&selection.data_root)),
            junit: outputs.junit.clone(),
            markdown: outputs.markdown.clone(),
            inputs,
        }
    }

    /// Writes the error into each; those that could be written. What keeps it from one is told on stderr.
    pub(super) fn write(&self, error: &Error) -> Vec<&Path> {
        let texts = [
            (&self.junit, junit::failure(&self.dataset, error)),
            (&self.markdown, markdown::failure(&self.dataset, error)),
        ];
        let mut written = Vec::new();
        for (path, text) in &texts {
            let Some(path) = path else { continue };
            match self.ensure_apart(path).and_then(|()| write_text(path, text)) {
                Ok(()) => written.push(path.as_path()),
                Err(error) => print_error(&error),
            }
        }
        written
    }

    /// Which of the dataset's files are inputs is not known by now.
    fn ensure_apart(&self, path: &Path) -> Result<()> {
        output::check([path], self.inputs.iter().map(PathBuf::as_path))?;
        self.folder.iter().try_for_each(|folder| ensure_outside(path, folder))
    }
}
