//! Which weights a command takes: those within the program, and files of their names.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::command::{PROGRAM, lpmflow, lpmflow_in};
use crate::support::ZERO_SHOT;
use crate::support::files::Folder;

const DEMO: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo/source.png"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo/target.png"),
];

#[test]
fn the_program_works_wherever_it_lies_and_files_of_the_name_win() {
    let folder = Folder::new();
    let program = folder.path("lpmflow");
    fs::copy(PROGRAM, &program).unwrap();
    let flow = folder.text("flow.npy");
    let run = |variable: Option<&Path>| -> (String, Vec<u8>) {
        let mut command = Command::new(&program);
        command
            .env_clear()
            .env("LPMFLOW_THREADS", "1")
            .current_dir("/")
            .args(["predict", DEMO[0], DEMO[1], "-o", &flow]);
        if let Some(folder) = variable {
            command.env("LPMFLOW_WEIGHTS", folder);
        }
        let Output { status, stderr, .. } = command.output().unwrap();
        let log = String::from_utf8(stderr).unwrap();
        assert!(status.success(), "{log}");
        (log, fs::read(&flow).unwrap())
    };
    let (log, built_in) = run(None);
    assert!(log.contains("weights `lite` (built in) on"), "{log}");

    for (name, variable) in [("weights", false), ("mine", true)] {
        let weights = folder.path(name);
        fs::create_dir(&weights).unwrap();
        let file = weights.join("lite.safetensors");
        fs::copy(ZERO_SHOT, &file).unwrap();
        let (log, other) = run(variable.then_some(&*weights));
        assert!(log.contains(&format!("weights `lite` (`{}`) on", file.display())), "{log}");
        assert!(other != built_in);
    }
    lpmflow(["predict", DEMO[0], DEMO[1], "--weights", "lite", "-o", &flow]).succeeded();
    let beside = fs::read(&flow).unwrap();
    assert!(beside == built_in, "the project's file and the one within the program give one flow");
}

#[test]
fn weights_are_kept_where_the_advice_says_and_found_there() {
    let folder = Folder::new();
    let flow = folder.text("flow.npy");
    let flags = ["predict", DEMO[0], DEMO[1], "--weights", "base", "-o", &flow];
    let run = || lpmflow_in(&[("LPMFLOW_WEIGHTS", folder.path("").to_str().unwrap())], flags);
    let error = run().failed_with(1);
    let (_, place) = error.split_once("lpmflow export --weights FOLDER -o ").unwrap();
    let place = place.trim_end().trim_end_matches('`');
    lpmflow(["export", "--weights", "zero-shot", "-o", place]).succeeded();
    let log = run().succeeded().stderr;
    assert!(log.contains(&format!("weights `base` (`{place}`)")), "{log}");
}
