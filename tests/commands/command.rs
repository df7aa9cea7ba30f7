//! Runs the real binary.

use std::ffi::OsStr;
use std::process::{Command, Output};

use crate::starter;
pub use crate::support::files::{names, write};
pub use crate::support::run::Run;

/// The binary.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_lpmflow");

/// Runs `lpmflow`.
pub fn lpmflow<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    lpmflow_reading("", arguments)
}

/// Runs `lpmflow` with more environment variables.
pub fn lpmflow_in<S: AsRef<OsStr>>(
    environment: &[(&str, &str)],
    arguments: impl IntoIterator<Item = S>,
) -> Run {
    run("", environment, arguments)
}

/// Runs `lpmflow` with text on its standard input.
pub fn lpmflow_reading<S: AsRef<OsStr>>(
    input: &str,
    arguments: impl IntoIterator<Item = S>,
) -> Run {
    run(input, &[], arguments)
}

/// `lpmflow` with these arguments: on one thread, as tests run side by side already, with its own weights and no
/// dataset of the surroundings.
pub fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = prepared(PROGRAM);
    command.args(arguments);
    command
}

/// A line of the shell, in which `"$0" "$@"` is `lpmflow` with these arguments.
pub fn shell<S: AsRef<OsStr>>(line: &str, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = prepared("bash");
    command.args(["-c", line, PROGRAM]).args(arguments);
    command
}

/// What a process left that has ended by itself.
#[track_caller]
pub fn ended(output: Output) -> Run {
    Run {
        code: output.status.code().expect("no signal ended it"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What every start has in its environment, and, as `None`, what none has.
const VARIABLES: [(&str, Option<&str>); 6] = [
    ("LPMFLOW_DEVICE", Some("cpu")),
    ("LPMFLOW_THREADS", Some("1")),
    ("LPMFLOW_WEIGHTS", None),
    ("LPMFLOW_DATA_ROOT", None),
    ("LPMFLOW_DATASETS", None),
    ("GITHUB_ACTIONS", None),
];

fn prepared(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, value) in VARIABLES {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn run<S: AsRef<OsStr>>(
    input: &str,
    environment: &[(&str, &str)],
    arguments: impl IntoIterator<Item = S>,
) -> Run {
    let arguments: Vec<_> =
        arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
    let further = environment.iter().map(|(name, value)| (*name, Some(*value)));
    let variables: Vec<_> = VARIABLES.into_iter().chain(further).collect();
    ended(starter::output(&arguments, input, &variables))
}
