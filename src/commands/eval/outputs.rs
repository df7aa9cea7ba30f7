//! Where an evaluation's results go.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::eval::{EvalArguments, OutputArguments};
use crate::commands::eval::failed::FailureOutputs;
use crate::commands::outside::ensure_outside;
use crate::commands::usage_error;
use crate::data::Pair;
use crate::data::photo::decode_annotated;
use crate::data::photo::orientation::Exif;
use crate::eval::browser::{self, Browser};
use crate::eval::compare::Comparison;
use crate::eval::predictions;
use crate::eval::report::html::{self, Views};
use crate::eval::report::{Report, junit, markdown};
use crate::eval::summary::Evaluation;
use crate::output::{self, Attempts, Stdout, write_text};
use crate::terminal::Terminal;
use crate::visible::Shown;

/// Where results go.
pub(super) struct Outputs<'a> {
    arguments: &'a OutputArguments,
    failed: &'a FailureOutputs,
    exif: Exif,
    terminal: &'a Terminal,
}

impl<'a> Outputs<'a> {
    /// The outputs that the flags name, of a command whose flags name these inputs.
    ///
    /// # Errors
    /// When one of them cannot be written, or is an input or another output: better known before the run than
    /// after.
    pub(super) fn new(
        arguments: &'a EvalArguments,
        inputs: &[PathBuf],
        failed: &'a FailureOutputs,
        terminal: &'a Terminal,
    ) -> Result<Self> {
        let EvalArguments { outputs, selection, .. } = arguments;
        let this = Self { arguments: outputs, failed, exif: selection.exif.into(), terminal };
        let pages = outputs.browse.as_ref().filter(|path| !browser::is_page(path));
        pages.map_or(Ok(()), |folder| output::check_folder(folder))?;
        if this.check(inputs)? == Stdout::Taken {
            if outputs.json {
                return Err(usage_error("eval", "--json and one of the outputs both want stdout"));
            }
            terminal.yield_stdout();
        }
        Ok(this)
    }

    /// Ensures the same of inputs that are known by now.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn ensure_apart(&self, inputs: &[PathBuf], dataset: &Path) -> Result<()> {
        self.check(inputs)?;
        self.paths().try_for_each(|path| ensure_outside(path, dataset))
    }

    fn check(&self, inputs: &[PathBuf]) -> Result<Stdout> {
        output::check(self.paths(), inputs.iter().map(PathBuf::as_path))
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        let OutputArguments { report, markdown, junit, html, predictions_out, browse, .. } =
            self.arguments;
        let browse = browse.iter().filter(|path| browser::is_page(path));
        let paths = [report, markdown, junit, html, predictions_out];
        paths.into_iter().flatten().chain(browse).map(PathBuf::as_path)
    }

    /// Shows the result, then writes every file, whatever became of the others, last those that tell of failures; `views` are the pages behind the
    /// pictures of a page.
    ///
    /// # Errors
    /// When some could not be written; the error names each.
    pub(super) fn write(
        &self,
        report: &Report,
        evaluation: &Evaluation,
        compared: Option<&Result<Comparison>>,
        views: &Views,
    ) -> Result<()> {
        let comparison = compared.and_then(|compared| compared.as_ref().ok());
        let summarised;
        let kept = if self.arguments.no_pairs {
            summarised = Report { pairs: None, ..report.clone() };
            &summarised
        } else {
            report
        };
        self.show(kept, comparison)?;

        let OutputArguments {
            predictions_out,
            report: json,
            html,
            junit: xml,
            markdown: text,
            browse,
            ..
        } = self.arguments;
        let decode = |path: &Path| decode_annotated(path, self.exif);
        let mut attempts = Attempts::default();
        let mut attempt = |path: &Option<PathBuf>, write: &dyn Fn(&Path) -> Result<()>| {
            self.attempt(&mut attempts, path, write);
        };
        attempt(predictions_out, &|path| {
            predictions::write(path, &evaluation.pairs, evaluation.predictions)
        });
        attempt(json, &|path| kept.write(path));
        attempt(html, &|path| {
            write_text(path, &html::page(report, evaluation, comparison, &decode, views))
        });
        attempt(browse, &|path| {
            let pairs: Vec<Pair> = evaluation.pairs.iter().map(|pair| (*pair).clone()).collect();
            let browser = Browser {
                pairs: &pairs,
                reports: &[(report.model.weights.clone(), report.clone())],
                protocol: &evaluation.protocols[0].protocol,
                alpha: &report.headline.alpha,
                decode: &decode,
            };
            browser::write(&browser, path)
        });
        attempts.record(self.terminal.written());
        let missing = attempts.trouble();
        let missing = missing.as_ref();
        self.failed.settle();
        self.attempt(&mut attempts, xml, &|path| {
            write_text(path, &junit::junit(kept, compared, missing))
        });
        self.attempt(&mut attempts, text, &|path| {
            write_text(path, &markdown::markdown(kept, compared, missing))
        });
        attempts.conclude()
    }

    /// Writes a result where the flags name a place for it, and says so.
    fn attempt(
        &self,
        attempts: &mut Attempts,
        path: &Option<PathBuf>,
        write: &dyn Fn(&Path) -> Result<()>,
    ) {
        let Some(path) = path else { return };
        if attempts.record(write(path)) {
            self.terminal.log(&format!("wrote `{}`", path.shown()));
        }
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
