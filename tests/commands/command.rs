//! Runs the real binary.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

pub use crate::support::files::{names, write};
pub use crate::support::run::Run;

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

fn run<S: AsRef<OsStr>>(
    input: &str,
    environment: &[(&str, &str)],
    arguments: impl IntoIterator<Item = S>,
) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lpmflow"))
        .args(arguments)
        .env("LPMFLOW_DEVICE", "cpu")
        // Tests run side by side already.
        .env("LPMFLOW_THREADS", "1")
        .env_remove("LPMFLOW_WEIGHTS")
        .env_remove("LPMFLOW_DATA_ROOT")
        .env_remove("LPMFLOW_DATASETS")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
