//! Runs commands within a test, where parts that exist for tests alone are on the lists.

use clap::Parser;

use crate::cli::Cli;
use crate::commands::{Outcome, run_on};
use crate::terminal::{Recording, Terminal};

/// What a command left.
pub(crate) struct Run {
    /// How it ended.
    pub outcome: anyhow::Result<Outcome>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr, without the error that it may have ended with.
    pub stderr: String,
}

impl Run {
    /// The run itself, if it ended well.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        match &self.outcome {
            Ok(outcome) => assert_eq!(*outcome, Outcome::Done, "{}", self.stderr),
            Err(error) => panic!("{error:#}\n{}", self.stderr),
        }
        self
    }

    /// The error that it ended with.
    #[track_caller]
    pub(crate) fn error(self) -> String {
        match self.outcome {
            Ok(outcome) => panic!("{outcome:?}, but an error was expected"),
            Err(error) => format!("{error:#}"),
        }
    }
}

/// Runs `lpmflow` with these arguments, in this process.
///
/// # Panics
/// When the arguments are not ones that the command line takes.
#[track_caller]
pub(crate) fn lpmflow<S: AsRef<str>>(arguments: impl IntoIterator<Item = S>) -> Run {
    let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
    let cli = Cli::try_parse_from(["lpmflow".to_owned()].into_iter().chain(arguments));
    let cli = cli.unwrap_or_else(|error| panic!("{error}"));
    let recording = Recording::default();
    let outcome = run_on(cli, &Terminal::recording(&recording));
    let text = |text: &std::sync::Mutex<String>| text.lock().unwrap().clone();
    Run { outcome, stdout: text(&recording.results), stderr: text(&recording.messages) }
}
