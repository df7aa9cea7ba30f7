//! `metrics.jsonl`: one JSON object a line, each with the number of optimizer steps done.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use crate::output;
use crate::visible::Shown;

/// Appends to a run's metrics.
#[derive(Debug)]
pub(crate) struct MetricsLog {
    path: PathBuf,
    file: File,
}

impl MetricsLog {
    /// Opens the log of a run that has done `steps` optimizer steps. Lines of later steps, which a cut
    /// off run wrote after its last checkpoint, are dropped, and so is a line that was cut itself. Links are
    /// followed and stay; streams take what comes.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(crate) fn open(path: &Path, steps: u64) -> Result<Self> {
        if !output::is_stream(path) {
            drop_later_lines(path, steps)?;
        }
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .with_context(|| format!("opening `{}`", path.shown()))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends one line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn append(&mut self, line: &impl Serialize) -> Result<()> {
        let context = || format!("writing `{}`", self.path.shown());
        let mut text = serde_json::to_vec(line).with_context(context)?;
        text.push(b'\n');
        self.file.write_all(&text).with_context(context)
    }
}

/// Leaves the lines of a log up to `steps`; makes it where there is none.
fn drop_later_lines(path: &Path, steps: u64) -> Result<()> {
    let old = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        old => old.with_context(|| format!("reading `{}`", path.shown()))?,
    };
    let lines = old.split_inclusive(|&byte| byte == b'\n');
    let kept: Vec<&[u8]> = lines.filter(|line| is_kept(line, steps)).collect();
    output::write(path, |file| Ok(file.write_all(&kept.concat())?))
}

fn is_kept(line: &[u8], steps: u64) -> bool {
    let step = || serde_json::from_slice::<Value>(line).ok()?.get("step")?.as_u64();
    line.ends_with(b"\n") && step().is_some_and(|step| step <= steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_resumed_log_continues_after_its_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path, 0).unwrap();
        for step in 1..=5 {
            log.append(&json!({"step": step, "loss": 0.5})).unwrap();
        }
        drop(log);
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"step\": 3, \"lo");
        fs::write(&path, text).unwrap();

        let mut log = MetricsLog::open(&path, 3).unwrap();
        log.append(&json!({"step": 4, "loss": 0.25})).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let steps: Vec<u64> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["step"].as_u64().unwrap())
            .collect();
        assert_eq!(steps, [1, 2, 3, 4]);
        assert!(text.ends_with("{\"step\":4,\"loss\":0.25}\n"));
    }

    #[test]
    fn a_fresh_run_drops_what_an_older_one_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        fs::write(&path, "{\"step\":1}\n").unwrap();
        drop(MetricsLog::open(&path, 0).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn a_log_that_is_a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let [link, elsewhere] = ["metrics.jsonl", "elsewhere"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink("elsewhere", &link).unwrap();
        MetricsLog::open(&link, 0).unwrap().append(&json!({"step": 1})).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "{\"step\":1}\n");
    }
}
