//! Runs commands within a test: nothing is started, and parts that exist for tests alone are on the lists.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches};

use crate::cli::Cli;
use crate::commands::{error_code, run_on};
pub(crate) use crate::inside::support::run::Run;
use crate::terminal::{Recording, Terminal};
use crate::visible::visible;

/// Runs `lpmflow` with these arguments, in this process: on the CPU, whatever the environment says. What an output
/// called `-` takes is not recorded.
pub(crate) fn lpmflow<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
    let recording = Recording::default();
    let terminal = Terminal::recording(&recording);
    let outcome = parsed([OsString::from("lpmflow")].into_iter().chain(arguments))
        .map_err(anyhow::Error::from)
        .and_then(|cli| run_on(cli, &terminal));
    let (code, error) = match outcome.map_err(|error| error.downcast::<clap::Error>()) {
        Ok(outcome) => (outcome.exit_code(), String::new()),
        Err(Ok(usage)) => (usage.exit_code(), usage.render().to_string()),
        Err(Err(error)) => (error_code(&error), format!("lpmflow: {error:#}\n")),
    };
    let text = |text: &std::sync::Mutex<String>| text.lock().unwrap().clone();
    let stderr = text(&recording.messages) + &visible(&error);
    Run { code, stdout: text(&recording.results), stderr }
}

fn parsed(arguments: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = settled(Cli::command());
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The command line without the variables of the environment.
fn settled(command: clap::Command) -> clap::Command {
    command
        .mut_args(|flag| match flag.env(Resettable::Reset) {
            flag if flag.get_id() == "device" => flag.default_value("cpu"),
            flag => flag,
        })
        .mut_subcommands(settled)
}
