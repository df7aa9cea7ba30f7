//! Everything the user sees: data on stdout, log lines, warnings and bars on stderr.

mod annotations;
mod curve;
mod curves;
mod datasets;
mod export;
pub(crate) mod fetch;
mod leaderboard;
mod leave;
mod predict;
pub(crate) mod progress;
mod stdout;
mod tables;
pub(crate) mod train;

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::cli::{ColorChoice, GlobalArguments};
use crate::visible::{visible, visible_json};
pub(crate) use annotations::Annotation;
pub(crate) use leave::{finish, leave};
use stdout::Stdout;

/// Where messages go, and whether they may be coloured.
#[derive(Debug)]
pub(crate) struct Terminal {
    quiet: bool,
    color: bool,
    bars: MultiProgress,
    /// Between lines on the progress of long work, where no bars are seen.
    line_interval: Option<Duration>,
    stdout: Stdout,
    /// Whether stdout belongs to an output, so that results go to stderr.
    yielded: AtomicBool,
    /// Where results and messages go instead, of a terminal that nobody looks at.
    recording: Option<Recording>,
    /// Whether it shows nothing at all.
    silent: bool,
}

/// What a terminal that nobody looks at was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recording {
    /// What would have gone to stdout.
    pub results: Arc<Mutex<String>>,
    /// What would have gone to stderr.
    pub messages: Arc<Mutex<String>>,
}

impl Terminal {
    /// The terminal as the global flags want it.
    pub(crate) fn new(arguments: &GlobalArguments) -> Self {
        let color = match arguments.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                std::io::stderr().is_terminal() && !unwanted
            }
        };
        let target = if arguments.quiet || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let every = arguments.progress_every;
        let in_lines = !(arguments.quiet || std::io::stderr().is_terminal() || every.is_zero());
        Self {
            line_interval: in_lines.then_some(every),
            ..Self::on(arguments.quiet, color, MultiProgress::with_draw_target(target), None)
        }
    }

    /// The same without bars and log lines, for a process that does a part of another's work.
    pub(crate) fn quietened(&self) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Self::on(true, self.color, bars, self.recording.clone())
    }

    /// A terminal for processes whose work another tells of.
    pub(crate) fn silent() -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Self { silent: true, ..Self::on(true, false, bars, None) }
    }

    /// A terminal that keeps what it is told.
    #[cfg(test)]
    pub(crate) fn recording(recording: &Recording) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Self::on(false, false, bars, Some(recording.clone()))
    }

    fn on(quiet: bool, color: bool, bars: MultiProgress, recording: Option<Recording>) -> Self {
        let (stdout, yielded) = Default::default();
        Self { quiet, color, bars, line_interval: None, stdout, yielded, recording, silent: false }
    }

    /// Stdout belongs to one of the outputs: results go to stderr from here on, as the log does.
    pub(crate) fn yield_stdout(&self) {
        self.yielded.store(true, Ordering::Relaxed);
    }

    /// A line of result on stdout: what scripts read.
    pub(crate) fn result(&self, line: &str) {
        self.print(&visible(line));
    }

    fn print(&self, line: &str) {
        match &self.recording {
            _ if self.silent => {}
            _ if self.yielded.load(Ordering::Relaxed) => self.log(line),
            Some(recording) => append(&recording.results, line),
            None => self.bars.suspend(|| self.stdout.line(line)),
        }
    }

    /// Whether nobody reads the results any more (`| head`).
    pub(crate) fn reader_is_gone(&self) -> bool {
        self.stdout.reader_is_gone()
    }

    /// Whether stdout took all the results that anybody waits for; asked once.
    ///
    /// # Errors
    /// When it did not, as on a full disk.
    pub(crate) fn written(&self) -> Result<()> {
        self.stdout.written()
    }

    /// A value as one line of JSON on stdout.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<()> {
        self.print(&visible_json(&serde_json::to_string(value)?));
        Ok(())
    }

    /// A place on the terminal, above the bars, for text that is replaced while work goes on; `None` where no bars are
    /// seen.
    pub(crate) fn panel(&self) -> Option<ProgressBar> {
        let style = ProgressStyle::with_template("{msg}").ok()?;
        (!self.bars.is_hidden())
            .then(|| self.bars.add(ProgressBar::new_spinner().with_style(style)))
    }

    /// A line of log on stderr; nothing with `--quiet`.
    pub(crate) fn log(&self, line: &str) {
        if !self.quiet {
            self.message(&visible(line));
        }
    }

    /// A warning on stderr, also with `--quiet`: something the user should mend.
    pub(crate) fn warn(&self, line: &str) {
        let label = if self.color { "\u{1b}[33mwarning:\u{1b}[0m" } else { "warning:" };
        self.message(&format!("{label} {}", visible(line)));
    }

    /// What another process said on stderr.
    pub(crate) fn pass_on(&self, text: &str) {
        self.message(visible(text).trim_end());
    }

    fn message(&self, line: &str) {
        match &self.recording {
            _ if self.silent => {}
            Some(recording) => append(&recording.messages, line),
            None => self.bars.suspend(|| print(line)),
        }
    }
}

fn append(text: &Mutex<String>, line: &str) {
    if let Ok(mut text) = text.lock() {
        text.push_str(line);
        text.push('\n');
    }
}

/// Prints what clap has to say; the exit code that it wants.
///
/// # Errors
/// When it is help, which goes to stdout, and stdout does not take it.
pub(crate) fn print_usage(usage: &clap::Error) -> Result<i32> {
    match visible(&usage.render().to_string()) {
        // An argument, maybe a file that a pattern found, has a name that would steer the terminal.
        Cow::Owned(harmless) => print(harmless.trim_end()),
        // Where nobody reads it, there is nobody to tell.
        Cow::Borrowed(_) if usage.use_stderr() => _ = usage.print(),
        Cow::Borrowed(_) => stdout::print(|| usage.print())?,
    }
    if usage.use_stderr() {
        let text = usage.render().to_string();
        let message = text.lines().next().unwrap_or_default();
        annotate(&Annotation { title: "wrong command line", file: None, message });
    }
    Ok(usage.exit_code())
}

/// The error chain as one line.
pub(crate) fn print_error(error: &anyhow::Error) {
    print(&format!("lpmflow: {}", visible(&format!("{error:#}"))));
    let (title, message) = (annotations::title(error), format!("{error:#}"));
    annotate(&Annotation { title, file: None, message: &message });
}

/// Something that made a run fail, for the workflow of GitHub that runs this program; nothing elsewhere.
pub(crate) fn annotate(annotation: &Annotation) {
    if annotations::are_wanted() {
        print(&annotations::line(annotation, annotations::workspace().as_deref()));
    }
}

/// A line on stderr; where nobody reads it, there is nobody to tell.
fn print(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
