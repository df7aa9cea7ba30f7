//! Everything the user sees: data on stdout, log lines, warnings and bars on stderr.
#![expect(clippy::print_stderr, reason = "this layer is the one that prints")]

mod datasets;
mod export;
mod predict;
pub(crate) mod progress;
mod tables;
pub(crate) mod train;

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use serde::Serialize;

use crate::cli::{ColorChoice, GlobalArguments};

/// Where messages go, and whether they may be coloured.
#[derive(Debug)]
pub(crate) struct Terminal {
    quiet: bool,
    color: bool,
    bars: MultiProgress,
    /// Where results and messages go instead, of a terminal that nobody looks at.
    recording: Option<Recording>,
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
        let bars = MultiProgress::with_draw_target(target);
        Self { quiet: arguments.quiet, color, bars, recording: None }
    }

    /// A terminal that keeps what it is told.
    #[cfg(test)]
    pub(crate) fn recording(recording: &Recording) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Self { quiet: false, color: false, bars, recording: Some(recording.clone()) }
    }

    /// A line of result on stdout: what scripts read.
    pub(crate) fn result(&self, line: &str) {
        if let Some(recording) = &self.recording {
            return append(&recording.results, line);
        }
        self.bars.suspend(|| {
            if let Err(error) = writeln!(std::io::stdout(), "{line}") {
                // The reader is gone (`| head`), so nobody waits for the rest.
                eprintln!("lpmflow: writing the result to stdout: {error}");
                std::process::exit(1);
            }
        });
    }

    /// A value as one line of JSON on stdout.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<()> {
        self.result(&serde_json::to_string(value)?);
        Ok(())
    }

    /// A line of log on stderr; nothing with `--quiet`.
    pub(crate) fn log(&self, line: &str) {
        if !self.quiet {
            self.message(line);
        }
    }

    /// A warning on stderr, also with `--quiet`: something the user should mend.
    pub(crate) fn warn(&self, line: &str) {
        let label = if self.color { "\u{1b}[33mwarning:\u{1b}[0m" } else { "warning:" };
        self.message(&format!("{label} {line}"));
    }

    fn message(&self, line: &str) {
        match &self.recording {
            Some(recording) => append(&recording.messages, line),
            None => self.bars.suspend(|| eprintln!("{line}")),
        }
    }

    /// A bar over `length` steps; invisible where stderr is no terminal and with `--quiet`.
    pub(crate) fn bar(&self, length: u64) -> ProgressBar {
        self.bars.add(ProgressBar::new(length))
    }
}

fn append(text: &Mutex<String>, line: &str) {
    if let Ok(mut text) = text.lock() {
        text.push_str(line);
        text.push('\n');
    }
}

/// The error chain as one line.
pub(crate) fn print_error(error: &anyhow::Error) {
    eprintln!("lpmflow: {error:#}");
}
