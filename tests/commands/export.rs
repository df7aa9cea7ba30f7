//! `export` through the real binary; `tests/inside/export.rs` looks into the files.

use std::fs;
use std::path::Path;

use crate::command::{Run, lpmflow};
use crate::support::export;

fn exported(output: &Path, more: &[&str]) -> Run {
    lpmflow([&export(output), more].concat())
}

#[test]
fn half_precision_storage_halves_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let [single, half] =
        ["single", "half"].map(|name| folder.path().join(name).with_extension("safetensors"));
    exported(&single, &[]).succeeded();
    exported(&half, &["--precision", "float16"]).succeeded();
    let size = |path| fs::metadata(path).unwrap().len() as f64;
    assert!((size(&half) / size(&single) - 0.5).abs() < 0.01);
}

#[test]
fn unknown_endings_are_answered_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let error = exported(&folder.path().join("network.onnx"), &[]).stderr;
    assert!(error.contains("safetensors") && error.contains(".pt"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
