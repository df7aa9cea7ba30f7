//! Runs the real binary.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::files::Folder;

/// What a run of the binary left.
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

impl Run {
    /// The run itself, if it ended well.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// The error text of a run that ended with `code`.
    #[track_caller]
    pub fn failed_with(self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stderr
    }

    /// Stdout as JSON, one value a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

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

/// Writes a file into a folder; its path.
pub fn write(folder: &Folder, name: &str, content: impl AsRef<[u8]>) -> String {
    std::fs::write(folder.path(name), content).unwrap();
    folder.text(name)
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
