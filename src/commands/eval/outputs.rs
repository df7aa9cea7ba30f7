//! Where an evaluation's results go.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::eval::OutputArguments;
use crate::commands::outside::ensure_outside;
use crate::commands::usage_error;
use crate::data::photo::decode_annotated;
use crate::data::photo::orientation::Exif;
use crate::eval::compare::Comparison;
use crate::eval::predictions;
use crate::eval::report::Report;
use crate::eval::report::html::{self, Views};
use crate::eval::report::junit::junit;
use crate::eval::report::markdown::markdown;
use crate::eval::summary::Evaluation;
use crate::output::{self, Attempts, Stdout};
use crate::terminal::Terminal;
use crate::visible::Shown;

/// Where results go.
pub(super) struct Outputs<'a> {
    arguments: &'a OutputArguments,
    exif: Exif,
    terminal: &'a Terminal,
}

impl<'a> Outputs<'a> {
    /// The outputs that the flags name, of a command that reads `inputs`.
    ///
    /// # Errors
    /// When one of them cannot be written, or is an input or another output: better known before the run than
    /// after.
    pub(super) fn new(
        arguments: &'a OutputArguments,
        exif: Exif,
        inputs: &[PathBuf],
        dataset: &Path,
        terminal: &'a Terminal,
    ) -> Result<Self> {
        let OutputArguments { report, markdown, junit, html, predictions_out, .. } = arguments;
        let paths = [report, markdown, junit, html, predictions_out].into_iter().flatten();
        let stdout = output::check(
            paths.clone().map(PathBuf::as_path),
            inputs.iter().map(PathBuf::as_path),
        )?;
        paths.into_iter().try_for_each(|path| ensure_outside(path, dataset))?;
        if stdout == Stdout::Taken {
            if arguments.json {
                return Err(usage_error("eval", "--json and one of the outputs both want stdout"));
            }
            terminal.yield_stdout();
        }
        Ok(Self { arguments, exif, terminal })
    }

    /// Shows the result, then writes every file, whatever became of the others; `views` are the pages behind the
    /// pictures of a page.
    ///
    /// # Errors
    /// When some could not be written; the error names each.
    pub(super) fn write(
        &self,
        report: &Report,
        evaluation: &Evaluation,
        comparison: Option<&Comparison>,
        views: &Views,
    ) -> Result<()> {
        let summarised;
        let kept = if self.arguments.no_pairs {
            summarised = Report { pairs: None, ..report.clone() };
            &summarised
        } else {
            report
        };
        self.show(kept, comparison)?;

        let OutputArguments {
            predictions_out, report: json, html, junit: xml, markdown: text, ..
        } = self.arguments;
        let decode = |path: &Path| decode_annotated(path, self.exif);
        let mut attempts = Attempts::default();
        let mut attempt = |path: &Option<PathBuf>, write: &dyn Fn(&Path) -> Result<()>| {
            let Some(path) = path else { return };
            if attempts.record(write(path)) {
                self.terminal.log(&format!("wrote `{}`", path.shown()));
            }
        };
        attempt(predictions_out, &|path| {
            predictions::write(path, &evaluation.pairs, evaluation.predictions)
        });
        attempt(json, &|path| kept.write(path));
        attempt(html, &|path| {
            write_text(path, &html::page(report, evaluation, comparison, &decode, views))
        });
        attempt(xml, &|path| write_text(path, &junit(kept, comparison)));
        attempt(text, &|path| write_text(path, &markdown(kept, comparison)));
        attempts.record(self.terminal.written());
        attempts.conclude()
    }

    fn show(&self, report: &Report, comparison: Option<&Comparison>) -> Result<()> {
        if self.arguments.json {
            return self.terminal.json(report);
        }
        self.terminal.show_report(report);
        if let Some(comparison) = comparison {
            self.terminal.result("");
            self.terminal.show_comparison(comparison);
        }
        Ok(())
    }
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    output::write(path, |file| Ok(file.write_all(text.as_bytes())?))
}
