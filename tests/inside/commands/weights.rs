//! Weights that lie in a run folder, and what a command says of files that are none.

use std::fs;
use std::process::Command;

use crate::commands::testing::{Run, lpmflow};
use crate::inside::support::ZERO_SHOT;
use crate::inside::support::files::{Folder, write};

const DEMO: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo/source.png"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo/target.png"),
];

/// `predict` on the demo photos with more flags.
fn predict(more: &[&str]) -> Run {
    lpmflow([&["predict", DEMO[0], DEMO[1]], more].concat())
}

#[test]
fn weights_that_are_cut_off_or_no_file_are_told_at_once() {
    let folder = Folder::new();
    let whole = fs::read(ZERO_SHOT).unwrap();
    let copy = folder.text("copy.safetensors");
    let error = |path: &str| lpmflow(["export", "--weights", path, "-o", &copy]).failed_with(1);
    for length in [5, 12, 100, whole.len() - 1] {
        let cut = write(&folder, "cut.safetensors", &whole[..length]);
        let error = error(&cut);
        assert!(error.contains("damaged or cut off: copy or download it again"), "{error}");
    }
    let pipe = folder.text("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for stream in [&pipe, "/dev/null"] {
        let error = error(stream);
        assert!(error.contains("it is a pipe or a device"), "{error}");
    }
}

#[test]
fn a_run_folder_stands_for_its_best_weights() {
    let folder = Folder::new();
    let run = folder.path("run");
    fs::create_dir(&run).unwrap();
    let (name, flow) = (run.to_str().unwrap(), folder.text("flow.npy"));
    let flags = ["--weights", name, "-o", &flow];
    let error = predict(&flags).failed_with(1);
    assert!(error.contains("run` holds neither `best.safetensors`"), "{error}");
    fs::copy(ZERO_SHOT, run.join("best.safetensors")).unwrap();
    let log = predict(&flags).succeeded().stderr;
    assert!(log.contains("run/best.safetensors`) on cpu"), "{log}");
}

#[test]
fn networks_and_downloads_gone_wrong_are_called_what_they_are() {
    let folder = Folder::new();
    let network = folder.text("network.pt");
    lpmflow(["export", "--weights", "zero-shot", "-o", &network]).succeeded();
    let flow = folder.text("flow.npy");
    let error_of = |weights: &str| predict(&["--weights", weights, "-o", &flow]).failed_with(1);
    let error = error_of(&network);
    assert!(error.contains("network.pt`: it is a TorchScript network"), "{error}");
    for (name, content, wanted) in [
        ("network.onnx", &b"\x08\x08\x12\x07pytorch\x1a\x062.13.0"[..], "it is an ONNX network"),
        ("page.pth", b"<!DOCTYPE html><html>", "it is a web page"),
        ("pointer.pth", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("empty.pth", b"", "the file is empty"),
    ] {
        let error = error_of(&write(&folder, name, content));
        assert!(error.contains(name) && error.contains(wanted), "{error}");
    }
}
