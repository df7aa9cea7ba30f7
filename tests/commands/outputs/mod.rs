//! Where results go, through the real binary: streams, full disks, inputs that must stay, readers that leave.

mod closed;
mod inputs;
mod lost;
mod readers;
mod streams;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Run, lpmflow};
use crate::support::spair::TinySpair;

/// Scores stored predictions, with further flags.
fn eval(dataset: &TinySpair, predictions: &Path, more: &[&str]) -> Run {
    lpmflow(arguments(dataset, predictions, more))
}

fn arguments(dataset: &TinySpair, predictions: &Path, more: &[&str]) -> Vec<String> {
    let fixed = ["eval", "--dataset", "spair71k", "--data-root"].map(str::to_owned);
    let rest = [text(dataset.data_root()), "--predictions".to_owned(), text(predictions)];
    let more = more.iter().map(|&flag| flag.to_owned());
    fixed.into_iter().chain(rest).chain(more).collect()
}

/// A dataset and predictions for all of its pairs.
fn scored() -> (TinySpair, PathBuf) {
    let dataset = TinySpair::write();
    let predictions = dataset.predictions("predictions.jsonl", &[3, 3, 0, 2, 1, 0]);
    (dataset, predictions)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A disk of so many bytes, gone at the end of the test; `None`, with the reason printed, where this user may
/// mount none.
fn disk(folder: PathBuf, bytes: u64) -> Option<Disk> {
    fs::create_dir(&folder).unwrap();
    let size = format!("size={bytes}");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &size, "lpmflow-test"])
        .arg(&folder)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        println!("skipped: this user may not mount a small disk");
    }
    mounted.then_some(Disk(folder))
}

/// A small disk.
struct Disk(PathBuf);

impl Disk {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.0).status().ok();
    }
}
