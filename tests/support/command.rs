//! Runs the real binary, and makes photos for it.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use image::{Rgb, RgbImage};
use serde_json::Value;

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

/// Runs `lpmflow` with text on its standard input.
pub fn lpmflow_reading<S: AsRef<OsStr>>(
    input: &str,
    arguments: impl IntoIterator<Item = S>,
) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lpmflow"))
        .args(arguments)
        .env("LPMFLOW_DEVICE", "cpu")
        // Tests run side by side already.
        .env("LPMFLOW_THREADS", "1")
        .env_remove("LPMFLOW_WEIGHTS")
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

/// A folder for one test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty folder.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path in the folder, as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.text(name)
    }

    /// Writes a photo in the format of its ending.
    pub fn photo(&self, name: &str, width: u32, height: u32) -> String {
        photo(width, height).save(self.path(name)).unwrap();
        self.text(name)
    }

    /// The names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        names(self.0.path())
    }
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A colourful picture without repetition: blobs of three sizes on a gradient.
pub fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let blob = |centre_x: f64, centre_y: f64, radius: f64| {
            let distance = (u - centre_x).hypot(v - centre_y) / radius;
            120.0 * (-distance * distance).exp()
        };
        Rgb([
            (60.0 * u + blob(0.3, 0.4, 0.2) + 40.0) as u8,
            (80.0 * v + blob(0.7, 0.3, 0.12) + 30.0) as u8,
            (60.0 * (1.0 - u) + blob(0.55, 0.75, 0.08) + 50.0) as u8,
        ])
    })
}
