//! Where an evaluation's results go.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::atomic;
use crate::cli::eval::OutputArguments;
use crate::commands::usage_error;
use crate::data::photo::decode_annotated;
use crate::data::photo::orientation::Exif;
use crate::eval::compare::Comparison;
use crate::eval::predictions;
use crate::eval::report::Report;
use crate::eval::report::html;
use crate::eval::report::junit::junit;
use crate::eval::report::markdown::markdown;
use crate::eval::summary::Evaluation;
use crate::terminal::Terminal;

/// Stands for stdout in `--markdown`.
const STDOUT: &str = "-";

/// Where results go.
pub(super) struct Outputs<'a> {
    arguments: &'a OutputArguments,
    exif: Exif,
}

impl<'a> Outputs<'a> {
    /// The outputs that the flags name.
    ///
    /// # Errors
    /// When two of them want stdout, or one is in a folder that is not there: better known before the
    /// run than after.
    pub(super) fn new(arguments: &'a OutputArguments, exif: Exif) -> Result<Self> {
        let outputs = Self { arguments, exif };
        if arguments.json && outputs.markdown_on_stdout() {
            return Err(usage_error("eval", "--json and --markdown - both want stdout"));
        }
        let OutputArguments { report, markdown, junit, html, predictions_out, .. } = arguments;
        for path in [report, markdown, junit, html, predictions_out].into_iter().flatten() {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            ensure!(
                folder.is_none_or(Path::is_dir) && !path.is_dir(),
                "writing `{}`: its folder is not there, or it is a folder itself",
                path.display()
            );
        }
        Ok(outputs)
    }

    fn markdown_on_stdout(&self) -> bool {
        self.arguments.markdown.as_deref() == Some(Path::new(STDOUT))
    }

    /// Writes every file, and shows the result on stdout.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write(
        &self,
        report: &Report,
        evaluation: &Evaluation,
        comparison: Option<&Comparison>,
        terminal: &Terminal,
    ) -> Result<()> {
        let OutputArguments { html, predictions_out, .. } = self.arguments;
        if let Some(path) = predictions_out {
            predictions::write(path, &evaluation.pairs, evaluation.predictions)?;
            terminal.log(&format!("wrote `{}`", path.display()));
        }
        if let Some(path) = html {
            let decode = |path: &Path| decode_annotated(path, self.exif);
            let page = html::page(report, evaluation, comparison, &decode);
            write_text(path, &page, terminal)?;
        }
        let summarised;
        let report = if self.arguments.no_pairs {
            summarised = Report { pairs: None, ..report.clone() };
            &summarised
        } else {
            report
        };
        if let Some(path) = &self.arguments.report {
            report.write(path)?;
            terminal.log(&format!("wrote `{}`", path.display()));
        }
        if let Some(path) = &self.arguments.junit {
            write_text(path, &junit(report, comparison), terminal)?;
        }
        let markdown = markdown(report, comparison);
        if let Some(path) = self.arguments.markdown.as_ref().filter(|_| !self.markdown_on_stdout())
        {
            write_text(path, &markdown, terminal)?;
        }
        if self.arguments.json {
            return terminal.json(report);
        }
        if self.markdown_on_stdout() {
            terminal.result(markdown.trim_end());
            return Ok(());
        }
        terminal.show_report(report);
        if let Some(comparison) = comparison {
            terminal.result("");
            terminal.show_comparison(comparison);
        }
        Ok(())
    }
}

fn write_text(path: &Path, text: &str, terminal: &Terminal) -> Result<()> {
    atomic::write(path, |file| Ok(file.write_all(text.as_bytes())?))?;
    terminal.log(&format!("wrote `{}`", path.display()));
    Ok(())
}
